/** What project.yaml does, by hand. */

import { defineProcessor, json } from "@sluice/sluice/processor";

interface Click {
  readonly user: string;
  readonly at: number;
  readonly page: string;
}

export default defineProcessor({
  name: "by-hand",
  input: json<Click>(),
  output: json<unknown>(),
  process({ value: { user, at, page }, key }, { emit }) {
    if (at % 10 < 5 && user !== "user-000007") emit({ key, value: { user, page, seconds: at / 1000 } });
  },
});
