/** Effects asked for once more in a replay: the handlers answer, and what they answered then is compared. */

import { answerWith, type EffectAnswerer, type EffectHandlers } from "../effects.ts";
import type { Difference } from "./difference.ts";
import type { Recording } from "./recording.ts";

/** An effect that is answered differently, and the record that asked. */
export interface ChangedAnswer extends Difference {
  readonly record: number;
}

/** An answerer that notes what changed. */
export function compareAnswers({ taskJournal }: Recording, handlers: EffectHandlers) {
  const ask = answerWith(handlers);
  const changed = new Map<number, ChangedAnswer>();
  const answer: EffectAnswerer = async (seq, requests) => {
    const recorded = new Map(taskJournal.effects(seq).map((effect) => [effect.id, effect]));
    const answers = await ask(seq, requests);
    for (const { id, record, name, inputJson, ok, text } of answers) {
      const was = recorded.get(id);
      if (!was || was.name !== name || was.inputJson !== inputJson || changed.has(seq)) continue;
      if (was.ok === ok && was.text === text) continue;
      const field = `effect ${name}(${inputJson})`;
      changed.set(seq, { record, field, recorded: was.text, replayed: text });
    }
    return answers;
  };
  /** The first answer that changed in feed `seq`. */
  const changedIn = (seq: number): ChangedAnswer | undefined => changed.get(seq);
  return { answer, changedIn };
}
