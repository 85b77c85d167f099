/** What the store has of a lane: all up to record `seq` of that queue, and the lane's `cumItems` there. */
export interface HeldPosition {
  readonly queueId: string;
  readonly seq: number;
  readonly cumItems: number;
}
