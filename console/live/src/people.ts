import type { Entry, Joined, Participant, Quality } from './types.js';

export type Change = { participant: Participant; change: 'joined' | 'changed' | 'left' };

/** Who is in the room and how, and whether it is recorded: all that follows from what the room tells. */
export class People {
  readonly #all = new Map<string, Participant>();
  readonly #hands = new Set<string>();
  me = '';
  recording = false;

  get all(): readonly Participant[] {
    return [...this.#all.values()];
  }

  named(userId: string): Participant | undefined {
    return this.#all.get(userId);
  }

  /** Who is in by the answer to a join, after what happened until then: what that changes, all in all. */
  arrived(joined: Joined, happened: readonly Entry[]): Change[] {
    const before = new Map(this.#all);
    this.me = joined.userId;
    for (const entry of happened) this.happened(entry);
    const there = [{ userId: joined.userId, name: joined.name, role: joined.role }, ...joined.participants];
    for (const one of there) this.#come(one);
    for (const userId of [...this.#all.keys()]) if (!there.some((one) => one.userId === userId)) this.#gone(userId);
    const gone = [...before.values()].filter(({ userId }) => !this.#all.has(userId));
    return [
      ...gone.map((participant) => ({ participant, change: 'left' as const })),
      ...this.all.filter((one) => one !== before.get(one.userId)).map((participant) => (
        { participant, change: before.has(participant.userId) ? 'changed' as const : 'joined' as const }
      )),
    ];
  }

  happened(entry: Entry): Change[] {
    switch (entry.type) {
      case 'joined':
        return this.#come(entry);
      case 'left':
        this.#hands.delete(entry.userId);
        return entry.userId === this.me ? this.#changed(entry.userId, { hand: false }) : this.#gone(entry.userId);
      case 'hand':
        this.#hands[entry.raised ? 'add' : 'delete'](entry.userId);
        return this.#changed(entry.userId, { hand: entry.raised });
      case 'recording_started':
      case 'recording_stopped':
        this.recording = entry.type === 'recording_started';
        return [];
      default:
        return [];
    }
  }

  speaks(userId: string | null): Change[] {
    return this.all.flatMap((one) => this.#changed(one.userId, { speaking: one.userId === userId }));
  }

  qualityOf(userId: string, quality: Quality): Change[] {
    return this.#changed(userId, { quality });
  }

  #come({ userId, name, role }: Pick<Participant, 'userId' | 'name' | 'role'>): Change[] {
    if (this.#all.has(userId)) return this.#changed(userId, { name, role, isMe: userId === this.me });
    const participant: Participant = {
      userId, name, role, isMe: userId === this.me, hand: this.#hands.has(userId), quality: 'good', speaking: false,
    };
    this.#all.set(userId, participant);
    return [{ participant, change: 'joined' }];
  }

  #changed(userId: string, changes: Partial<Participant>): Change[] {
    const before = this.#all.get(userId);
    if (!before) return [];
    const participant = { ...before, ...changes };
    const keys = Object.keys(changes) as (keyof Participant)[];
    if (keys.every((key) => participant[key] === before[key])) return [];
    this.#all.set(userId, participant);
    return [{ participant, change: 'changed' }];
  }

  #gone(userId: string): Change[] {
    const participant = this.#all.get(userId);
    this.#all.delete(userId);
    return participant ? [{ participant, change: 'left' }] : [];
  }
}
