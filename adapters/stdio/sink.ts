/** Standard output as a sink: at least once, printed after it is journaled. A closed pipe ends the run quietly. */

import { linesOf } from "../../formats/output_lines.ts";
import { type Acquired, type Checkpoint, type Commit, type Receipt, type Sink, SinkError } from "../sink.ts";

/** See the module. */
export class StdioSink implements Sink {
  readonly guarantee = "at-least-once";
  readonly home = "journal";
  readonly description = "stdout";
  readonly takesManyTasks = false;

  acquire(_task: string, epoch: bigint, settled: Checkpoint | undefined): Promise<Acquired> {
    return Promise.resolve({ epoch, checkpoint: settled });
  }

  commit({ outputs }: Commit): Promise<Receipt> {
    try {
      const bytes = linesOf(outputs);
      for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    } catch (cause) {
      const isClosed = cause instanceof Deno.errors.BrokenPipe;
      throw new SinkError(`Cannot write standard output: ${(cause as Error).message}`, {
        code: isClosed ? "E_SINK_CLOSED" : "E_SINK_UNWRITABLE",
        isClosed,
        cause,
      });
    }
    return Promise.resolve({});
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
