import type { LiveRoom, Entry } from '@stoa/live';
import * as api from './api.js';
import { at, icon, make, sure } from './html.js';
import { QUALITY, sign, type Tiles } from './tiles.js';

/** Who is here and what is said. */
export class Side {
  readonly #room: LiveRoom;
  readonly #tiles: Tiles;
  readonly #problem: (error: unknown) => void;

  constructor(room: LiveRoom, tiles: Tiles, problem: (error: unknown) => void) {
    this.#room = room;
    this.#tiles = tiles;
    this.#problem = problem;
  }

  people(): void {
    const everybody = [...this.#room.participants].sort((one, other) => (
      Number(other.hand) - Number(one.hand) || Number(other.isMe) - Number(one.isMe) || one.name.localeCompare(other.name)
    ));
    const focused = document.activeElement?.id;
    at('people').replaceChildren(...everybody.map((one) => this.#person(one)));
    if (focused) document.getElementById(focused)?.focus();
    at('how-many').textContent = String(everybody.length);
    const hands = everybody.filter((one) => one.hand).length;
    at('how-many-hands').textContent = hands ? ` · ${hands} ${hands === 1 ? 'hand' : 'hands'} up` : '';
  }

  /** What stays to be read; and, unless it is past, what is told to those who do not see it. */
  entry(entry: Entry): void {
    if (entry.type === 'chat') return this.#said(entry.name, entry.text, entry.at, entry.userId === this.#room.joined?.userId);
    const line = this.#line(entry);
    if (line && !entry.past) at('told').append(make('p', {}, line));
  }

  #line(entry: Entry): string | null {
    if (!('userId' in entry) || entry.userId === this.#room.joined?.userId) return null;
    const name = 'name' in entry ? entry.name : this.#room.participants.find((one) => one.userId === entry.userId)?.name;
    if (entry.type === 'joined') return `${name} came in.`;
    if (entry.type === 'hand') return entry.raised ? `${name} raises a hand.` : `${name} lowers the hand.`;
    return null;
  }

  #said(name: string, text: string, time: number, mine: boolean): void {
    const log = at('said');
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const clock = new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    log.append(make('p', { className: mine ? 'mine' : '' }, make('b', {}, mine ? 'You' : name), make('time', {}, clock), make('span', {}, text)));
    if (atEnd || mine) log.scrollTop = log.scrollHeight;
    if (!mine && at('side').dataset['shown'] !== 'chat') at('show-chat').classList.add('news');
  }

  #person(one: LiveRoom['participants'][number]): HTMLElement {
    const about = [
      one.role === 'instructor' ? 'teacher' : '', one.speaking ? 'speaking' : '', one.quality === 'good' ? '' : QUALITY[one.quality].toLowerCase(),
    ].filter(Boolean).join(', ');
    const row = make('li', {}, make('span', { className: 'name' }, one.isMe ? `${one.name} (you)` : one.name));
    if (one.hand) row.append(sign('hand', 'hand raised'));
    if (this.#tiles.isSilent(one.userId)) row.append(sign('mic-off', 'microphone off'));
    if (this.#room.joined?.isOwner && !one.isMe) row.append(...this.#ownersButtons(one.userId, one.name));
    if (about) row.append(make('small', {}, about));
    return row;
  }

  #ownersButtons(userId: string, name: string): HTMLElement[] {
    const mute = make('button', { type: 'button', id: `mute-${userId}`, className: 'small', ariaLabel: `Mute ${name}`, title: 'Mute' }, icon('mic-off'));
    mute.disabled = this.#tiles.isSilent(userId);
    mute.onclick = () => void this.#room.mute('mic', true, userId).catch(this.#problem);
    const kick = make('button', { type: 'button', id: `kick-${userId}`, className: 'small', ariaLabel: `Remove ${name}`, title: 'Remove' }, icon('leave'));
    kick.onclick = async () => {
      if (await sure(`Remove ${name} from the class?`, 'Remove')) await api.kick(userId).catch(this.#problem);
    };
    return [mute, kick];
  }
}
