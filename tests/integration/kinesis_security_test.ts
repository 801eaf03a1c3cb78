/** Kinesis over TLS, and secrets that do not belong into a URI. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { startKinesis } from "../../tools/services/kinesis.ts";
import { freePorts, runProgram } from "../../tools/services/server.ts";
import { stop } from "../../tools/services/services.ts";
import { runCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";

Deno.test("TLS: the certificate is checked, by an authority of one's own too", async () => {
  await using folder = new TestFolder();
  const subject = ["-subj", "/CN=sluice-test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", "k.pem", "-out", "c.pem"];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...files, ...subject];
  await runProgram("openssl", request, folder.path);
  const pair = { key: folder.read("k.pem"), cert: folder.read("c.pem") };
  const certificate = folder.write("server.json", JSON.stringify({ server: pair }));
  const [port] = freePorts(1);
  const server = await startKinesis(await Deno.makeTempDir({ prefix: "sluice-kinesis-" }), { port, certificate });
  try {
    const streams = ["streams", `kinesis://us-east-1?endpoint=https://127.0.0.1:${port}`];
    const refused = await runCli(streams);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "self-signed certificate");
    const trusted = await runCli(streams, { env: { NODE_EXTRA_CA_CERTS: folder.at("c.pem") } });
    assertEquals(trusted.code, 0, trusted.stderr);
  } finally {
    await stop(server);
  }
});

Deno.test("credentials in a URI are refused, and not repeated", async () => {
  for (const uri of ["kinesis://AKIAX:s3cr3t@us-east-1/orders", "kinesis://us-east-1/orders?secret=s3cr3t"]) {
    const { code, stderr } = await runCli(["run", "copy", "--from", uri, "--to", "-"]);
    assertEquals(code, 2);
    assertEquals(stderr.includes("s3cr3t"), false, stderr);
  }
});
