/** Orders and payments of one id within five seconds of each other. */

import { intervalJoin, json, pipeline } from "@sluice/sluice/pipeline";

interface Side {
  readonly id: string;
  readonly at: number;
}

export default pipeline("join", ({ from }) => {
  const options = { time: ({ at }: Side) => at };
  from("orders", json<Side>(), options).keyBy(({ id }) => id)
    .join(
      from("payments", json<Side>(), options).keyBy(({ id }) => id),
      intervalJoin({ within: "5s", combine: (order: Side | null, payment: Side | null) => ({ order, payment }) }),
    )
    .to(json());
});
