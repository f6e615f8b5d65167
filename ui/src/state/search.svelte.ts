import {
  failure,
  type AppRow,
  type AppsFound,
  type Backend,
  type CommandError,
  type DeviceQuestion,
  type TableState,
  type UserRow,
  type UsersFound,
} from '../backend/backend';
import { renewClock } from './clock.svelte';
import { isList, listFault } from './list-text';
import type { Selection } from './selection.svelte';
import { Table } from './table.svelte';

export type SearchMode = 'user' | 'app' | 'device' | 'list';

/** What the devices on the desk were asked for by. */
export type Origin =
  | { kind: 'user'; user: UserRow }
  | { kind: 'app'; app: AppRow }
  | { kind: 'device'; text: string }
  | { kind: 'list'; text: string };

/** People or apps to choose from, for the text they were looked up with. */
export type Choices =
  { kind: 'users'; text: string; found: UsersFound } | { kind: 'apps'; text: string; found: AppsFound };

export const MAX_TEXT = 256;
const TYPING_PAUSE_MS = 200;
const MOST_RECENT = 8;

export function appLabel(app: AppRow): string {
  return app.version ? `${app.displayName} ${app.version}` : app.displayName;
}

function sameOrigin(one: Origin, other: Origin): boolean {
  const key = (origin: Origin) => {
    if (origin.kind === 'user') return origin.user.id;
    return origin.kind === 'app' ? origin.app.id : origin.text;
  };
  return one.kind === other.kind && key(one) === key(other);
}

function questionOf(origin: Origin): DeviceQuestion {
  switch (origin.kind) {
    case 'user':
      return { kind: 'user', id: origin.user.id };
    case 'app':
      return { kind: 'app', id: origin.app.id };
    case 'device':
      return { kind: 'text', text: origin.text };
    case 'list':
      return { kind: 'list', text: origin.text };
  }
}

export interface AppGroup {
  key: string;
  name: string;
  publisher: string | null;
  apps: AppRow[];
}

/** The versions of each app together. Apps of the same name from two publishers stay apart. */
export function appGroups(apps: readonly AppRow[]): AppGroup[] {
  const groups = new Map<string, AppGroup>();
  for (const app of apps) {
    const key = JSON.stringify([app.displayName, app.publisher]);
    const group = groups.get(key);
    if (group) group.apps.push(app);
    else groups.set(key, { key, name: app.displayName, publisher: app.publisher, apps: [app] });
  }
  return [...groups.values()];
}

export interface SearchEvents {
  /** A search failed. Gives true if a banner tells it. */
  failed(error: CommandError, again: () => void): boolean;
  /** The service answered. */
  answered(): void;
}

/** The search box and what it asks for. Answers to anything but the latest question are dropped. */
export class Search {
  text = $state('');
  mode = $state<SearchMode>('user');
  choices = $state.raw<Choices | null>(null);
  /** Whether the list of choices, or of recent questions, is open. */
  open = $state(false);
  /** The choice the arrow keys stand on, or -1. */
  active = $state(-1);
  looking = $state(false);
  lookProblem = $state.raw<CommandError | null>(null);

  /** The list that is being made, and whether it is in sight. */
  list = $state('');
  listOpen = $state(false);

  origin = $state.raw<Origin | null>(null);
  /** Whether devices are still being read. */
  loading = $state(false);
  /** Why nothing was found out. */
  problem = $state.raw<CommandError | null>(null);
  /** Raised each time a person asked for devices, so that the focus can follow the answer. */
  asked = $state(0);
  /** Whether somebody typed on since, so that the focus stays in the box. */
  typing = $state(false);
  /** What was asked for last, newest first. They name people, so they live in memory alone. */
  recent = $state.raw<readonly Origin[]>([]);

  readonly table: Table;
  readonly tooLong = $derived([...this.text.trim()].length > MAX_TEXT);
  readonly listFault = $derived(listFault(this.list));
  /** Whether recent questions stand where choices would. */
  readonly offersRecent = $derived(this.text.trim() === '' && this.mode !== 'list' && this.recent.length > 0);
  readonly options = $derived.by<readonly Origin[]>(() => {
    if (this.offersRecent) return this.recent;
    if (!this.choices) return [];
    // What is nobody's name may be a serial number or the name of a device.
    if (this.choices.kind === 'users' && this.choices.found.users.length === 0) {
      return [{ kind: 'device', text: this.choices.text }];
    }
    return this.choices.kind === 'users'
      ? this.choices.found.users.map((user): Origin => ({ kind: 'user', user }))
      : appGroups(this.choices.found.apps).flatMap((group) =>
          group.apps.map((app): Origin => ({ kind: 'app', app })),
        );
  });

  #modeByHand = false;
  #enterWaits = false;
  #lookTurn = 0;
  #deviceTurn = 0;
  #revived = -1;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #paused = false;

  constructor(
    readonly backend: Backend,
    selection: Selection,
    readonly events: SearchEvents,
  ) {
    this.table = new Table(backend, selection, {
      failed: (error, again) => events.failed(error, again),
      lost: () => this.#revive(),
    });
  }

  type(text: string): void {
    this.text = text;
    this.typing = true;
    this.#enterWaits = false;
    if (text.trim() === '') this.#modeByHand = false;
    else if (text.includes('@') && !this.#modeByHand) this.mode = 'user';
    this.#dropChoices();
    if ((this.mode === 'user' || this.mode === 'app') && text.trim() !== '' && !this.tooLong) {
      this.looking = true;
      this.open = true;
      this.#timer = setTimeout(() => void this.#lookUp(), TYPING_PAUSE_MS);
    } else {
      this.open = this.offersRecent;
    }
  }

  /** Takes what is pasted or opened for a list if it has several entries. Gives whether it did. */
  takeList(text: string): boolean {
    if (!isList(text)) return false;
    this.openList(text);
    return true;
  }

  /** Turns to a list, in the place of what stands there. */
  openList(text: string): void {
    this.mode = 'list';
    this.#modeByHand = false;
    this.#dropChoices();
    this.list = text;
    this.listOpen = true;
  }

  choose(mode: SearchMode): void {
    if (mode === 'list') this.listOpen = true;
    if (mode === this.mode) return;
    this.mode = mode;
    this.#modeByHand = true;
    if (mode !== 'list') this.listOpen = false;
    this.type(this.text);
  }

  async enter(): Promise<void> {
    const text = this.text.trim();
    const option = this.open ? this.options[this.active] : undefined;
    if (option && this.offersRecent) return this.take(option);
    if (text === '' || this.tooLong) return;
    if (this.mode === 'device') return this.showDevices({ kind: 'device', text });
    if (this.mode === 'list') return this.#addToList(text);
    if (option) return this.take(option);
    if (this.choices && this.choices.text === text) return this.#settle();
    this.#enterWaits = true;
    clearTimeout(this.#timer);
    await this.#lookUp();
  }

  async take(option: Origin): Promise<void> {
    if (this.offersRecent) this.#recall(option);
    else if (option.kind === 'device') this.mode = 'device';
    this.open = false;
    this.active = -1;
    await this.showDevices(option);
  }

  async lookUpList(): Promise<void> {
    if (this.list.trim() === '' || this.listFault) return;
    this.listOpen = false;
    await this.showDevices({ kind: 'list', text: this.list });
  }

  async showDevices(origin: Origin): Promise<void> {
    const turn = ++this.#deviceTurn;
    this.open = false;
    this.origin = origin;
    this.recent = [origin, ...this.recent.filter((each) => !sameOrigin(each, origin))].slice(0, MOST_RECENT);
    this.table.clear();
    this.problem = null;
    this.loading = true;
    this.asked += 1;
    this.typing = false;
    if (this.#paused) return;
    const again = () => void this.showDevices(origin);
    const take = (state: TableState) => {
      if (turn !== this.#deviceTurn) return false;
      if (this.table.state === null) renewClock();
      this.table.take(state);
      return true;
    };
    try {
      const state = await this.backend.searchDevices(questionOf(origin), take);
      if (!take(state)) return;
      this.loading = false;
      if (state.problem) this.events.failed(state.problem, again);
      else this.events.answered();
    } catch (thrown) {
      if (turn !== this.#deviceTurn) return;
      this.loading = false;
      this.problem = failure(thrown);
      this.events.failed(this.problem, again);
    }
  }

  lookAgain(): void {
    void this.#lookUp();
  }

  /** Nothing is asked and no answer is taken from now on, as another tenant would answer, or nobody may look. */
  pause(): void {
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#lookTurn += 1;
    this.#deviceTurn += 1;
  }

  /** What was waited for is asked anew. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.looking) void this.#lookUp();
    if (this.origin && (this.loading || this.problem?.code === 'locked')) void this.showDevices(this.origin);
  }

  /** The engine has another table: what is asked here is asked once more. */
  #revive(): void {
    if (!this.origin || this.loading || this.#paused || this.#revived === this.#deviceTurn) return;
    void this.showDevices(this.origin);
    this.#revived = this.#deviceTurn;
  }

  /** Puts a question of before back into the box. */
  #recall(origin: Origin): void {
    this.mode = origin.kind;
    if (origin.kind === 'list') this.list = origin.text;
    else if (origin.kind === 'device') this.text = origin.text;
    else this.text = origin.kind === 'user' ? origin.user.displayName : origin.app.displayName;
    this.#dropChoices();
  }

  #addToList(text: string): void {
    this.list = this.list.trim() === '' ? text : `${this.list.trimEnd()}\n${text}`;
    this.text = '';
    this.listOpen = true;
  }

  #dropChoices(): void {
    clearTimeout(this.#timer);
    this.#lookTurn += 1;
    this.choices = null;
    this.lookProblem = null;
    this.looking = false;
    this.open = false;
    this.active = -1;
  }

  async #lookUp(): Promise<void> {
    const turn = ++this.#lookTurn;
    const text = this.text.trim();
    const mode = this.mode;
    this.looking = true;
    this.open = true;
    this.lookProblem = null;
    if (this.#paused) return;
    try {
      const choices: Choices =
        mode === 'user'
          ? { kind: 'users', text, found: await this.backend.findUsers(text) }
          : { kind: 'apps', text, found: await this.backend.findApps(text) };
      if (turn !== this.#lookTurn) return;
      this.choices = choices;
      this.looking = false;
      this.events.answered();
      if (this.#enterWaits) await this.#settle();
    } catch (thrown) {
      if (turn !== this.#lookTurn) return;
      const error = failure(thrown);
      this.looking = false;
      if (error.code === 'superseded') return;
      this.lookProblem = error;
      if (this.events.failed(error, () => void this.#lookUp())) this.open = false;
    }
  }

  /** Enter on a list of choices: the only one is taken, among several the first is pointed at. */
  async #settle(): Promise<void> {
    this.#enterWaits = false;
    const only = this.#only();
    if (only) return this.take(only);
    this.open = true;
    this.active = this.options.length > 0 ? 0 : -1;
  }

  #only(): Origin | undefined {
    if (!this.choices) return undefined;
    if (this.choices.kind === 'apps') {
      return this.options.length === 1 && this.choices.found.complete ? this.options[0] : undefined;
    }
    const first = this.options[0];
    // Words are more likely a name that was mistyped; whoever means a device points at it.
    if (first?.kind === 'device' && !/^\S*\d\S*$/.test(first.text)) return undefined;
    if (this.options.length === 1 && !this.choices.found.more) return first;
    const name = this.choices.text.toLowerCase();
    return this.options.find(
      (option) => option.kind === 'user' && option.user.userPrincipalName.toLowerCase() === name,
    );
  }
}
