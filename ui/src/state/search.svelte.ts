import {
  failure,
  type AppRow,
  type AppsFound,
  type Backend,
  type CommandError,
  type DevicesFound,
  type RouteView,
  type UserRow,
  type UsersFound,
} from '../backend/backend';
import { renewClock } from './clock.svelte';

export type SearchMode = 'user' | 'app' | 'device';

/** What the devices on the desk were found by. */
export type Origin =
  { kind: 'user'; user: UserRow } | { kind: 'app'; app: AppRow } | { kind: 'device'; text: string };

/** People or apps to choose from, for the text they were looked up with. */
export type Choices =
  { kind: 'users'; text: string; found: UsersFound } | { kind: 'apps'; text: string; found: AppsFound };

export const MAX_TEXT = 256;
const TYPING_PAUSE_MS = 200;

export function appLabel(app: AppRow): string {
  return app.version ? `${app.displayName} ${app.version}` : app.displayName;
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

export function routeOf(origin: Origin): RouteView {
  switch (origin.kind) {
    case 'user':
      return { kind: 'user', id: origin.user.id, label: origin.user.displayName };
    case 'app':
      return { kind: 'app', id: origin.app.id, label: appLabel(origin.app) };
    case 'device':
      return { kind: 'direct' };
  }
}

export interface SearchEvents {
  /** A search failed. Gives true if a banner tells it. */
  failed(error: CommandError, again: () => void): boolean;
  /** The service answered. */
  answered(): void;
}

/** The search box and what it found. Answers to anything but the latest question are dropped. */
export class Search {
  text = $state('');
  mode = $state<SearchMode>('user');
  choices = $state.raw<Choices | null>(null);
  /** Whether the list of choices is open. */
  open = $state(false);
  /** The choice the arrow keys stand on, or -1. */
  active = $state(-1);
  looking = $state(false);
  lookProblem = $state.raw<CommandError | null>(null);

  origin = $state.raw<Origin | null>(null);
  result = $state.raw<DevicesFound | null>(null);
  loading = $state(false);
  problem = $state.raw<CommandError | null>(null);
  /** Raised each time a person asked for devices, so that the focus can follow the answer. */
  asked = $state(0);

  readonly tooLong = $derived([...this.text.trim()].length > MAX_TEXT);
  readonly options = $derived.by<readonly (UserRow | AppRow)[]>(() => {
    if (!this.choices) return [];
    return this.choices.kind === 'users'
      ? this.choices.found.users
      : appGroups(this.choices.found.apps).flatMap((group) => group.apps);
  });

  #modeByHand = false;
  #enterWaits = false;
  #lookTurn = 0;
  #deviceTurn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #paused = false;

  constructor(
    readonly backend: Backend,
    readonly events: SearchEvents,
  ) {}

  type(text: string): void {
    this.text = text;
    this.#enterWaits = false;
    if (text.trim() === '') this.#modeByHand = false;
    else if (text.includes('@') && !this.#modeByHand) this.mode = 'user';
    this.#dropChoices();
    if (this.mode === 'user' && text.trim() !== '' && !this.tooLong) {
      this.looking = true;
      this.open = true;
      this.#timer = setTimeout(() => void this.#lookUp(), TYPING_PAUSE_MS);
    }
  }

  choose(mode: SearchMode): void {
    if (mode === this.mode) return;
    this.mode = mode;
    this.#modeByHand = true;
    this.type(this.text);
  }

  async enter(): Promise<void> {
    const text = this.text.trim();
    if (text === '' || this.tooLong) return;
    if (this.mode === 'device') return this.showDevices({ kind: 'device', text });
    const option = this.open ? this.options[this.active] : undefined;
    if (option) return this.take(option);
    if (this.choices && this.choices.text === text) return this.#settle();
    this.#enterWaits = true;
    clearTimeout(this.#timer);
    await this.#lookUp();
  }

  async take(option: UserRow | AppRow): Promise<void> {
    this.open = false;
    this.active = -1;
    await this.showDevices(
      'userPrincipalName' in option ? { kind: 'user', user: option } : { kind: 'app', app: option },
    );
  }

  async showDevices(origin: Origin): Promise<void> {
    const turn = ++this.#deviceTurn;
    this.open = false;
    this.origin = origin;
    this.result = null;
    this.problem = null;
    this.loading = true;
    this.asked += 1;
    if (this.#paused) return;
    try {
      const result = await this.#askDevices(origin);
      if (turn !== this.#deviceTurn) return;
      renewClock();
      this.result = result;
      this.loading = false;
      if (result.problem) this.events.failed(result.problem, () => void this.showDevices(origin));
      else this.events.answered();
    } catch (thrown) {
      if (turn !== this.#deviceTurn) return;
      this.loading = false;
      this.problem = failure(thrown);
      this.events.failed(this.problem, () => void this.showDevices(origin));
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

  #askDevices(origin: Origin): Promise<DevicesFound> {
    switch (origin.kind) {
      case 'user':
        return this.backend.devicesOfUser(origin.user.id);
      case 'app':
        return this.backend.devicesWithApp(origin.app.id);
      case 'device':
        return this.backend.findDevices(origin.text);
    }
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

  #only(): UserRow | AppRow | undefined {
    if (!this.choices) return undefined;
    if (this.choices.kind === 'apps') {
      const { apps, complete } = this.choices.found;
      return apps.length === 1 && complete ? apps[0] : undefined;
    }
    const { users, more } = this.choices.found;
    if (users.length === 1 && !more) return users[0];
    const name = this.choices.text.toLowerCase();
    return users.find((user) => user.userPrincipalName.toLowerCase() === name);
  }
}
