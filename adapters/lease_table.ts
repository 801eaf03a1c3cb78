/**
 * The lease port: which process runs which task. For balance only: a lease may be held by two for a while, and what keeps
 * them from harm is the fence of the store and of the sinks.
 *
 * A lease counts up while its owner lives. Nobody compares clocks: who sees a counter stand still for long enough, by a
 * clock of its own, may take the lease (as Amazon's KCL does).
 */

/** The lease of one task. */
export interface Lease {
  /** The name of the task. */
  readonly task: string;
  /** Undefined when it was given back. */
  readonly owner: string | undefined;
  /** Changes with everything that happens to the lease. */
  readonly counter: number;
  /** Who has asked its owner for it. */
  readonly wantedBy: string | undefined;
}

/** A table of leases; every change names the counter that it has seen, and fails when there is another. */
export interface LeaseTable {
  /** All leases. */
  list(): Promise<readonly Lease[]>;
  /** Adds a lease that nobody has, unless there is one. */
  add(task: string): Promise<void>;
  /** Makes `owner` the owner, or shows that it still is; the new lease, or undefined when somebody else was first. */
  take(lease: Lease, owner: string): Promise<Lease | undefined>;
  /** Gives it back, to `next` where somebody wants it. */
  release(lease: Lease, next?: string): Promise<void>;
  /** Asks its owner for it. */
  ask(lease: Lease, owner: string): Promise<void>;
  /** Removes the lease of a task that is done. */
  remove(task: string): Promise<void>;
  /** Gives back what is open. */
  close(): Promise<void>;
}
