/** An answer of the server as part of a view: asked again when the question changes, and old questions are given up. */

import { useEffect, useState } from "preact/hooks";
import { ask } from "./ask.ts";

/** Where an answer is. */
export interface Asked<T> {
  readonly answer?: T;
  readonly error?: Error;
  readonly isWaiting: boolean;
}

/** The answer to `path`; nothing is asked without one. The last answer stays until the next is there. */
export function useAnswer<T>(path: string | undefined): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ isWaiting: path !== undefined });
  useEffect(() => {
    if (path === undefined) return;
    const giveUp = new AbortController();
    setAsked((before) => ({ ...before, isWaiting: true }));
    ask<T>(path, giveUp.signal).then(
      (answer) => setAsked({ answer, isWaiting: false }),
      (error) => giveUp.signal.aborted || setAsked({ error, isWaiting: false }),
    );
    return () => giveUp.abort();
  }, [path]);
  return asked;
}
