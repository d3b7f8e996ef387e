import { LiveRoom, tokens, LiveError, type Joined } from '@stoa/live';
import * as api from './api.js';
import { at, label, make, sure } from './html.js';
import { Setup } from './setup.js';
import { Side } from './side.js';
import { Tiles } from './tiles.js';
import { mayReturn, whatIsHeld, when, whyNoScreen, whyNot, whyOut } from './words.js';

const room = new LiveRoom({ token: tokens(api.tokenUrl), room: api.room });
const tiles = new Tiles(room);
const setup = new Setup();
const side = new Side(room, tiles, problem);
let session: api.Session;
/** What the teacher does not let one use. */
const held = new Set<'mic' | 'camera'>();
/** For the browser's console. */
Object.assign(window, { room });

// Where one is: each section of the page is one place.

type Place = 'sign-in' | 'ready' | 'room' | 'over';

function go(place: Place): void {
  for (const each of ['sign-in', 'ready', 'room', 'over']) at(each).hidden = each !== place;
  document.body.dataset['place'] = place;
  at(`${place}-title`).focus();
}

function state(text: string, urgent = false): void {
  at('state').textContent = text;
  at('state').classList.toggle('urgent', urgent);
}

function problem(error: unknown): void {
  state(whyNot(error), true);
}

function over(reason: string, sentence = ''): void {
  at('over-title').textContent = whyOut(reason, sentence);
  at('again').hidden = !mayReturn(reason);
  at('recorded').hidden = true;
  state('');
  go('over');
}

async function begin(): Promise<void> {
  session = await api.readSession();
  if (session.status === 'ended') return over('ended');
  if (!await api.isSignedIn()) return go('sign-in');
  const title = await api.courseTitle(session.courseId);
  at('title').textContent = title;
  document.title = `${title} · Stoa`;
  await getReady();
}

async function getReady(): Promise<void> {
  const starts = new Date(session.startsAt);
  state(session.status === 'scheduled' && starts.getTime() > Date.now() ? `This class starts ${when(starts, new Date())}. You can come in already.` : '');
  go('ready');
  await setup.open();
}

// Coming in and going out.

async function join(): Promise<void> {
  state('Joining…');
  try {
    for (const kind of ['mic', 'camera'] as const) {
      const track = setup.tracks[kind];
      if (track) await room.publish(kind, { track, muted: setup.muted[kind] });
    }
    await room.join();
    setup.changed = (kind, track) => room.publish(kind, { track, muted: room.own.get(kind)?.state === 'muted' });
    setup.closePreview();
  } catch (error) {
    if (error instanceof LiveError && error.code === 'http.401') go('sign-in');
    if (error instanceof LiveError && error.url) location.replace(new URL(location.pathname, error.url));
    problem(error);
  }
}

function inside(joined: Joined): void {
  if (document.body.dataset['place'] !== 'room') go('room');
  for (const id of ['record', 'end']) at(id).hidden = !joined.isOwner;
  at('record').hidden ||= !session.recordingEnabled;
  at('screen').hidden = !navigator.mediaDevices?.getDisplayMedia;
  if (joined.provider === 'daily') elsewhere(joined);
  hold(joined);
  for (const participant of room.participants) tiles.person(participant);
  for (const own of room.own.values()) tiles.own(joined.userId, own);
  side.people();
  alone();
  buttons();
}

/** Daily's own page in a frame: it has tiles and buttons of its own. */
function elsewhere({ entry }: Joined): void {
  const address = new URL(String(entry['url']));
  address.searchParams.set('t', String(entry['token']));
  const frame = make('iframe', { src: address.href, title: 'The call', allow: 'camera; microphone; display-capture; autoplay; fullscreen' });
  at('tiles').replaceChildren(frame);
  for (const id of ['mic', 'camera-button', 'screen', 'devices']) at(id).hidden = true;
  setup.close();
}

/** What may not be sent is muted here, too, so that nobody thinks that they are heard. */
function hold({ micAllowed, cameraAllowed }: { micAllowed: boolean; cameraAllowed: boolean }): void {
  for (const [kind, allowed] of [['mic', micAllowed], ['camera', cameraAllowed]] as const) {
    held[allowed ? 'delete' : 'add'](kind);
    if (!allowed) void room.mute(kind).catch(problem);
  }
  state(whatIsHeld(held));
  buttons();
}

function alone(): void {
  at('alone').hidden = room.participants.length > 1 || room.joined?.provider === 'daily';
}

// The buttons show what is so, and say what they do.

function buttons(): void {
  for (const [id, kind, word, words] of [
    ['mic', 'mic', 'microphone', ['Unmute', 'Mute']], ['camera-button', 'camera', 'camera', ['Start camera', 'Stop camera']],
  ] as const) {
    const own = room.own.get(kind), on = own?.state === 'on';
    shows(id, on);
    label(at(id), on ? kind : `${kind}-off`, held.has(kind) ? `No ${word} for you` : own ? words[Number(on)]! : `Use a ${word}`);
  }
  const sharing = room.own.has('screen');
  shows('screen', sharing);
  label(at('screen'), 'screen', sharing ? 'Stop sharing' : 'Share screen');
  const hand = room.participants.find((one) => one.isMe)?.hand ?? false;
  shows('hand', hand);
  label(at('hand'), 'hand', hand ? 'Lower hand' : 'Raise hand');
  label(at('record'), 'record', room.isRecorded ? 'Stop recording' : 'Record');
  at('recorded').hidden = !room.isRecorded || room.state === 'out';
}

/** For the eyes: whoever listens hears what the button does. */
function shows(id: string, on: boolean): void {
  at(id).dataset['on'] = String(on);
}

/** Once at a time. The button is not disabled meanwhile: it would lose the focus. */
function does(id: string, work: () => Promise<unknown>): void {
  const button = at(id);
  button.onclick = async () => {
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    if (room.state === 'in') state('');
    try {
      await work();
    } catch (error) {
      problem(error);
    } finally {
      button.ariaBusy = 'false';
      buttons();
    }
  };
}

async function toggle(kind: 'mic' | 'camera'): Promise<void> {
  const own = room.own.get(kind);
  if (held.has(kind)) state(whatIsHeld(held), true);
  else if (own) await room.mute(kind, own.state === 'on');
  else {
    await setup.open(kind);
    const track = setup.tracks[kind];
    if (track) await room.publish(kind, { track });
    else state(at('devices-problem').textContent ?? '', true);
  }
}

does('join', join);
does('again', async () => { over('left'); await begin(); });
does('leave', () => room.leave());
does('mic', () => toggle('mic'));
does('camera-button', () => toggle('camera'));
does('screen', async () => {
  if (room.own.has('screen')) await room.publish('screen', null);
  else await room.publish('screen').catch((error: Error) => {
    if (!(error instanceof DOMException)) throw error;
    state(whyNoScreen(error), true);
  });
});
does('hand', () => room.send({ hand: at('hand').dataset['on'] !== 'true' }));
does('record', async () => {
  if (!room.isRecorded) await api.startRecording();
  else if (await sure('To stop recording ends the class for everybody. Stop it?', 'Stop and end')) await api.stopRecording();
});
does('end', async () => {
  if (await sure('End the class for everybody?', 'End the class')) await api.endClass(session._id);
});
at('devices').onclick = () => {
  at('devices-here').append(at('devices-choice'));
  at<HTMLDialogElement>('devices-dialog').showModal();
};
at('devices-dialog').addEventListener('close', () => at('devices-before').append(at('devices-choice')));
at('unblock').onclick = () => {
  at('unblock').hidden = true;
  for (const sound of at('sounds').querySelectorAll('audio')) void sound.play();
};
for (const which of ['chat', 'people']) {
  at(`show-${which}`).onclick = () => {
    const now = at('side').dataset['shown'] === which ? '' : which;
    at('side').dataset['shown'] = now;
    for (const each of ['chat', 'people']) at(`show-${each}`).setAttribute('aria-expanded', String(each === now));
    if (now === 'chat') at('show-chat').classList.remove('news');
    if (now) at(which === 'chat' ? 'text' : 'people-title').focus();
  };
}
at<HTMLFormElement>('chat').onsubmit = async (event) => {
  event.preventDefault();
  const text = at<HTMLInputElement>('text');
  if (!text.value.trim()) return;
  try {
    await room.send({ chat: text.value });
    text.value = '';
  } catch (error) {
    problem(error);
  }
};
at<HTMLFormElement>('login').onsubmit = async (event) => {
  event.preventDefault();
  const form = new FormData(at<HTMLFormElement>('login'));
  try {
    await api.signIn(String(form.get('username')), String(form.get('password')));
  } catch (error) {
    return problem(error);
  }
  at<HTMLFormElement>('login').reset();
  await begin().catch(problem);
};

// What the room tells.

room.on('joined', inside);
room.on('track', (track) => { tiles.track(track); side.people(); });
room.on('published', (own) => {
  if (room.state === 'in' || room.state === 'reconnecting') {
    tiles.own(room.joined?.userId ?? '', own);
    side.people();
  }
  if (own.state === 'ended' && own.source in setup.tracks && setup.tracks[own.source as 'mic'] === own.track) delete setup.tracks[own.source as 'mic'];
  buttons();
});
room.on('participant', ({ participant, change }) => {
  if (change === 'left') tiles.gone(participant.userId);
  else tiles.person(participant);
  side.people();
  alone();
  buttons();
});
room.on('entry', (entry) => {
  side.entry(entry);
  if (entry.type.startsWith('recording')) buttons();
  if (!entry.past && entry.type === 'recording_started') state('This class is being recorded.');
  if (!entry.past && entry.type === 'recording_failed') state('Some of the recording could not be written. The class goes on.', true);
  if (entry.type === 'permitted' && !entry.past && entry.userId === room.joined?.userId) hold(entry);
});
room.on('muted', ({ source }) => state(`The teacher muted your ${source === 'mic' ? 'microphone' : source}.`, true));
room.on('reconnecting', () => state('The connection is gone. Trying to come back…', true));
room.on('problem', (error) => { console.warn(error); });
room.on('out', ({ reason, message }) => {
  tiles.clear();
  at('tiles').replaceChildren();
  setup.changed = null;
  setup.close();
  over(reason, message);
});
window.addEventListener('pagehide', () => void room.leave());

begin().catch((error) => { problem(error); go('over'); });
