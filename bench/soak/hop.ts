/** One Sluice of the soak: started, killed, started again; its journal is pruned as an operator would. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SLUICE = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const PROCESSOR = fileURLToPath(new URL("../processors/hop.ts", import.meta.url));
/** Stays within what a run of days would have. */
const KEEP_FEEDS = 500;
const PRUNE_EVERY_SAMPLES = 6;

/** How a process stands. */
export interface HopSample {
  readonly residentMb: number;
  readonly handles: number;
  readonly journalMb: number;
}

/** See the module. */
export class Hop {
  readonly name: string;
  readonly #folder: string;
  readonly #from: string;
  readonly #to: string;
  #child: Deno.ChildProcess | undefined;
  #isOver = false;
  #samples = 0;
  kills = 0;
  /** How often it ended by itself, which it should not. */
  endings = 0;

  constructor(name: string, folder: string, from: string, to: string) {
    this.name = name;
    this.#folder = folder;
    this.#from = from;
    this.#to = to;
  }

  async start(): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true });
    this.#spawn();
  }

  #spawn(): void {
    const args = ["run", "--quiet", "-A", SLUICE, "run", PROCESSOR, "--name", this.name, "--from", this.#from];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args, "--to", this.#to, "--quiet", "--journal", "journal.db"],
      cwd: this.#folder,
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const child = this.#child;
    void child.status.then(({ code, signal }) => {
      if (this.#isOver || signal !== null) return;
      this.endings++;
      console.error(`${this.name} ended by itself with ${code}; started again`);
      this.#spawn();
    });
  }

  async kill(): Promise<void> {
    this.kills++;
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#spawn();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    try {
      this.#child?.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await this.#child?.status;
  }

  async sample(): Promise<HopSample> {
    if (++this.#samples % PRUNE_EVERY_SAMPLES === 0) await this.#prune();
    const pid = this.#child!.pid;
    return {
      residentMb: Number(/VmRSS:\s+(\d+)/.exec(await readText(`/proc/${pid}/status`))?.[1] ?? 0) / 1024,
      handles: await count(`/proc/${pid}/fd`),
      journalMb: await sizeMb(join(this.#folder, "journal.db")),
    };
  }

  async #prune(): Promise<void> {
    const keep = ["--keep-feeds", String(KEEP_FEEDS), "--journal", "journal.db"];
    await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", SLUICE, "journal", "prune", this.name, ...keep],
      cwd: this.#folder,
      stdout: "null",
      stderr: "null",
    }).output();
  }
}

async function readText(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}

async function count(folder: string): Promise<number> {
  return await Array.fromAsync(Deno.readDir(folder)).then(({ length }) => length, () => 0);
}

async function sizeMb(path: string): Promise<number> {
  return await Deno.stat(path).then(({ size }) => size / 1e6, () => 0);
}
