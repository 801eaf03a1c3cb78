/** The systems that there are, in a world. */

import { Inputs } from "./inputs.ts";
import { KafkaPlace } from "./kafka/place.ts";
import { KinesisPlace } from "./kinesis/place.ts";
import { Outputs } from "./outputs.ts";
import type { Place } from "./place.ts";
import { RedisPlace } from "./redis/place.ts";
import type { Scenario, System } from "./scenario.ts";
import type { World } from "./world/world.ts";

/** Makes the systems of a world; one may be several things. */
export function placesOf(world: World, scenario: Scenario): { readonly inputs: Inputs; readonly outputs: Outputs } {
  const { source, otherSource, sink, otherSink, partitions } = scenario;
  const own = otherSource ? Math.ceil(partitions.length / 2) : partitions.length;
  const places = new Map<System, Place>();
  const placeOf = (system: System): Place => {
    const some = system === otherSource ? partitions.slice(own) : partitions.slice(0, own);
    const place = places.get(system) ?? placeFor(system, world, { ...scenario, partitions: some });
    places.set(system, place);
    return place;
  };
  const [first, second] = [source, otherSource].map((system) => system && placeOf(system));
  return {
    inputs: new Inputs({ default: first!, ...(second ? { other: second } : {}) }),
    outputs: new Outputs({ default: placeOf(sink), ...(otherSink ? { other: placeOf(otherSink) } : {}) }),
  };
}

function placeFor(system: System, world: World, scenario: Scenario): Place {
  switch (system) {
    case "kafka":
      return new KafkaPlace(world, scenario);
    case "redis":
      return new RedisPlace(world, scenario);
    case "kinesis":
      return new KinesisPlace(world, scenario);
    default:
      return system satisfies never;
  }
}
