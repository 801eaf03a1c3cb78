/** From append to visible in read_committed, at 5,000 records per second. */

import { javaArgs, output, sluiceArgs } from "./peers.ts";
import type { Place } from "./place.ts";
import { createTopic } from "./topics.ts";

const RATE = "5000";
const SECONDS = "20";
const PARTITIONS = 4;

/** Prints p50 and p99 for Sluice, with and without linger, and for Kafka Streams as it is. */
export async function measureLatency(place: Place): Promise<void> {
  const { address } = place;
  const measured = async (name: string, start: (input: string, output: string) => Promise<Deno.ChildProcess>) => {
    const [input, made] = [`in-${crypto.randomUUID()}`, `out-${crypto.randomUUID()}`];
    for (const topic of [input, made]) await createTopic(address, topic, PARTITIONS);
    const child = await start(input, made);
    // Whoever is measured is to be at work already; a start is another question.
    await new Promise((resolve) => setTimeout(resolve, 6000));
    const args = await javaArgs("Latency", place, [address, input, made, RATE, SECONDS]);
    const [p50, p99] = (await output("java", args)).trim().split(" ");
    child.kill("SIGKILL");
    await child.status;
    console.log(`latency ${name.padEnd(34)} p50 ${p50} ms, p99 ${p99} ms`);
  };
  await measured("Kafka Streams, commit each 100 ms", async (input, made) => {
    const args = await javaArgs("Peer", place, ["streams", "map", address, input, made, "0", "1"]);
    return new Deno.Command("java", { args: [...args], stdout: "null", stderr: "null" }).spawn();
  });
  const sluice = (more: readonly string[]) => (input: string, made: string) => {
    const args = [...sluiceArgs("map", { ...place, input, output: made }), ...more];
    return Promise.resolve(new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "inherit" }).spawn());
  };
  await measured("sluice", sluice([]));
  await measured("sluice --linger 10 (wanted p50 30)", sluice(["--linger", "10"]));
}
