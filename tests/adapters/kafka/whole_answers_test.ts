/** Answers are the same, whatever pieces they arrive in. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { WholeAnswers } from "../../../adapters/kafka/protocol/whole_answers.ts";
import { WireError } from "../../../adapters/kafka/protocol/wire.ts";

function framed(body: Uint8Array): Uint8Array {
  const answer = new Uint8Array(4 + body.length);
  new DataView(answer.buffer).setInt32(0, body.length);
  answer.set(body, 4);
  return answer;
}

/** What comes out of pieces that end at `cuts`; each piece has a buffer of its own, as those of a socket have. */
function answersOf(stream: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const answers: Uint8Array[] = [];
  const whole = new WholeAnswers((answer) => answers.push(Uint8Array.from(answer)));
  let from = 0;
  for (const to of [...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length]) {
    whole.add(Buffer.from(stream.slice(from, to).buffer));
    from = to;
  }
  return answers;
}

Deno.test("whatever pieces they come in, answers come out whole, in order, and no sooner", () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  fc.assert(fc.property(bodies, cuts, (bodies, cuts) => {
    const answers = bodies.map(framed);
    const stream = Uint8Array.from(answers.flatMap((answer) => [...answer]));
    assertEquals(answersOf(stream, cuts), answers);
    if (stream.length > 0) assertEquals(answersOf(stream.subarray(0, -1), cuts), answers.slice(0, -1));
  }));
});

Deno.test("an answer that says it has less than no bytes, or more than there can be, is refused", () => {
  for (const size of [-1, -0x80000000, 0x7fffffff]) {
    const prefix = Buffer.alloc(6);
    prefix.writeInt32BE(size);
    for (const pieces of [[prefix], [prefix.subarray(0, 3), prefix.subarray(3)]]) {
      const whole = new WholeAnswers(() => {});
      assertThrows(() => pieces.forEach((piece) => whole.add(Buffer.from(piece))), WireError, String(size));
    }
  }
});

Deno.test("what was handed on as a view of its piece stays as it is", () => {
  const answers: Buffer[] = [];
  const whole = new WholeAnswers((answer) => answers.push(answer));
  const [first, second] = [framed(Uint8Array.of(1, 2, 3)), framed(Uint8Array.of(4, 5))];
  whole.add(Buffer.from(Uint8Array.of(...first, ...second.subarray(0, 5)).buffer));
  whole.add(Buffer.from(second.slice(5).buffer));
  assertEquals(answers.map((answer) => [...answer.subarray(4)]), [[1, 2, 3], [4, 5]]);
});
