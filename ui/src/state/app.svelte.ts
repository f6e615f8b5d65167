import {
  failure,
  type AccountView,
  type AppStatus,
  type Backend,
  type CommandError,
  type Confirmation,
  type PlanView,
  type SettingsInput,
  type WindowNotice,
} from '../backend/backend';
import { Announcer } from './announcer.svelte';
import { useLocale } from './locale.svelte';
import { Search } from './search.svelte';
import { Selection, type Held } from './selection.svelte';

export type View =
  | { name: 'desk' }
  | { name: 'confirm'; plan: PlanView }
  | { name: 'run'; runId: string; from: 'desk' | 'history' }
  | { name: 'history' }
  | { name: 'settings' };

/** A trouble that a banner tells, and what its one button does. */
export interface Trouble {
  error: CommandError;
  again: () => void;
}

const BANNER_CODES: readonly string[] = ['signedOut', 'offline', 'tls', 'throttled'];

/** Whether a failure concerns the whole window, and a banner tells it. */
export function onBanner(error: CommandError): boolean {
  return BANNER_CODES.includes(error.code);
}

/** Whether two sign-ins are the same person in the same tenant. */
function same(one: AccountView | null, other: AccountView | null): boolean {
  return one?.tenantId === other?.tenantId && one?.username === other?.username;
}

/** Where the settings lead: another place has other people and devices. */
function placeOf(status: AppStatus | null): string {
  const { tenant, clientId, cloud } = status?.settings ?? {};
  return JSON.stringify([status?.mode, tenant, clientId, cloud]);
}

/** What the window shows and what a person may do in it. */
export class AppState {
  status = $state.raw<AppStatus | null>(null);
  view = $state.raw<View>({ name: 'desk' });
  busy = $state<'signIn' | 'demo' | 'signOut' | 'plan' | 'start' | null>(null);
  /** Why the last sign-in, start or settings did not work. */
  problem = $state.raw<CommandError | null>(null);
  trouble = $state.raw<Trouble | null>(null);
  /** What happened outside the window, until it is closed. */
  notice = $state<WindowNotice | null>(null);
  /** The desk stays when a sign-in ends by itself, so that nothing is lost. */
  deskStays = $state(false);
  /** The review was left: the desk gives the focus back to the button that opened it. */
  reviewLeft = false;

  readonly selection = new Selection();
  readonly announcer = new Announcer();
  readonly search: Search;

  readonly account = $derived(this.status?.session.kind === 'signedIn' ? this.status.session.account : null);
  readonly canRecover = $derived(this.account !== null && this.status?.journalProblem === null);

  constructor(readonly backend: Backend) {
    this.search = new Search(backend, {
      failed: (error, again) => this.tell(error, again),
      answered: () => (this.trouble = null),
    });
  }

  async start(): Promise<void> {
    this.problem = null;
    try {
      await this.backend.watchWindow((notice) => (this.notice = notice));
      this.#show(await this.backend.appStatus());
    } catch (thrown) {
      this.problem = failure(thrown);
    }
  }

  async signIn(): Promise<void> {
    const before = this.account ?? this.#lastAccount;
    await this.#change('signIn', async () => {
      const status = await this.backend.signIn();
      this.trouble = null;
      const after = status.session.kind === 'signedIn' ? status.session.account : null;
      if (before && !same(before, after)) this.#forget();
      return status;
    });
  }

  async cancelSignIn(): Promise<void> {
    try {
      await this.backend.cancelSignIn();
    } catch (thrown) {
      this.problem = failure(thrown);
    }
  }

  async startDemo(): Promise<void> {
    await this.#change('demo', () => this.backend.startDemo());
  }

  async leaveDemo(): Promise<void> {
    await this.#change('demo', async () => {
      const status = await this.backend.leaveDemo();
      this.#forget();
      this.deskStays = false;
      return status;
    });
  }

  /** The window is signed out even if the keychain does not let go of the sign-in; then it can be tried once more. */
  async signOut(): Promise<void> {
    await this.#change('signOut', async () => {
      try {
        return await this.backend.signOut();
      } catch (thrown) {
        this.status = await this.backend.appStatus();
        throw thrown;
      } finally {
        this.#forget();
        this.deskStays = false;
      }
    });
  }

  /** Gives what went wrong, or nothing. */
  async saveSettings(input: SettingsInput): Promise<CommandError | null> {
    const before = this.account ?? this.#lastAccount;
    const place = placeOf(this.status);
    try {
      this.#show(await this.backend.saveSettings(input));
    } catch (thrown) {
      return failure(thrown);
    }
    // Another tenant or account: nothing of the old one stays on the screen.
    const now = this.account;
    if (before && (now ? !same(before, now) : placeOf(this.status) !== place)) {
      this.#forget();
      this.deskStays = now !== null;
      this.#lastAccount = now;
    }
    return null;
  }

  /** Changes the language at once, and keeps it unless policy fixes it. */
  async speak(language: 'en' | 'es'): Promise<void> {
    useLocale(language);
    const settings = this.status?.settings;
    if (!settings || settings.locked.includes('language')) return;
    const error = await this.saveSettings({
      tenant: settings.tenant ?? '',
      clientId: settings.clientId ?? '',
      cloud: settings.cloud,
      requireReason: settings.requireReason,
      language,
    });
    if (error) this.problem = error;
  }

  async review(): Promise<void> {
    if (this.busy || !this.canRecover || this.selection.size === 0) return;
    if (this.selection.size > (this.status?.settings.maxRunSize ?? 0)) return;
    this.busy = 'plan';
    this.problem = null;
    const again = () => void this.review();
    try {
      const plan = await this.backend.planRun(this.selection.toSend());
      this.view = { name: 'confirm', plan };
    } catch (thrown) {
      const error = failure(thrown);
      if (!this.tell(error, again)) this.problem = error;
    }
    this.busy = null;
  }

  /** Starts the run a person confirmed. Gives what went wrong, or nothing. */
  async recover(confirmation: Confirmation): Promise<CommandError | null> {
    if (this.busy) return null;
    this.busy = 'start';
    try {
      const run = await this.backend.startRun(confirmation);
      this.#started = { runId: run.summary.id, kept: this.selection.kept() };
      this.selection.clear();
      this.view = { name: 'run', runId: run.summary.id, from: 'desk' };
      return null;
    } catch (thrown) {
      const error = failure(thrown);
      if (error.code === 'signedOut') this.tell(error, () => {});
      return error;
    } finally {
      this.busy = null;
    }
  }

  /** Whether a run's selection can be had back: it was the last that started here. */
  canSelectAgain(runId: string): boolean {
    return this.#started?.runId === runId;
  }

  /** Back to the desk with the selection of a run of which nothing was sent. */
  selectAgain(): void {
    if (this.#started) this.selection.putBack(this.#started.kept);
    this.#started = null;
    this.leaveReview();
  }

  show(view: View): void {
    this.problem = null;
    this.view = view;
  }

  /** Shows a banner for what concerns the whole window. Gives true if there is one. */
  tell(error: CommandError, again: () => void): boolean {
    if (!onBanner(error)) return false;
    this.trouble = { error, again };
    if (error.code === 'signedOut') void this.refresh();
    return true;
  }

  /** Back from the review to the desk, with nothing sent. */
  leaveReview(): void {
    this.reviewLeft = true;
    this.show({ name: 'desk' });
  }

  /** Reads the status again, without disturbing what is on the screen. */
  async refresh(): Promise<void> {
    try {
      this.#show(await this.backend.appStatus());
    } catch (thrown) {
      this.problem = failure(thrown);
    }
  }

  #lastAccount: AccountView | null = null;
  #started: { runId: string; kept: ReadonlyMap<string, Held> } | null = null;
  #language: string | null | undefined;

  #show(status: AppStatus): void {
    this.status = status;
    if (status.session.kind === 'signedIn') {
      this.deskStays = true;
      this.#lastAccount = status.session.account;
    }
    if (this.#language !== status.settings.language) {
      this.#language = status.settings.language;
      useLocale(status.settings.language ?? navigator.language);
    }
  }

  #forget(): void {
    this.selection.clear();
    this.#started = null;
    this.search.reset();
    this.trouble = null;
    this.view = { name: 'desk' };
    this.#lastAccount = null;
  }

  async #change(what: 'signIn' | 'demo' | 'signOut', question: () => Promise<AppStatus>): Promise<void> {
    if (this.busy) return;
    this.busy = what;
    this.problem = null;
    try {
      this.#show(await question());
    } catch (thrown) {
      this.problem = failure(thrown);
    }
    this.busy = null;
  }
}
