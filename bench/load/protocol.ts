/** What a kind of client has to offer to be put under load. One implementation for each wire protocol. */
import type { LoadPlan, RoomOutcome, RoomPlan } from './plan.ts';
import type { Recorder } from './recorder.ts';

/** The people of one room. */
export interface LoadRoom {
  /** Resolves when everybody is in; after a failure it may be called again. */
  connect(): Promise<void>;
  /** The next edit of one of those who type. @param lateMs how long after its time it leaves. */
  edit(typist: number, lateMs: number): void;
  /** The next chat message. */
  chat(): void;
  /** Says that everybody is still there. */
  ping(): void;
  /** Edits and messages that wait for their acknowledgement, and edits that others wait for. */
  readonly waiting: number;
  /** Edits that the room accepted, as far as its people know. */
  readonly accepted: number;
  outcome(): RoomOutcome;
  leave(): void;
}

export type MakeLoadRoom = (room: RoomPlan, plan: LoadPlan, recorder: Recorder) => LoadRoom;
