import {
  failure,
  type AppStatus,
  type Backend,
  type CommandError,
  type Confirmation,
  type DeviceCodeView,
  type HoldView,
  type SettingsInput,
  type SettingsView,
  type TenantInput,
  type WindowNotice,
} from '../backend/backend';
import { m } from '../paraglide/messages';
import type * as Views from '../views/further';
import { Announcer } from './announcer.svelte';
import { now } from './clock.svelte';
import { DeskState, type Trouble, type View } from './desk.svelte';
import { isOver, longHold } from './hold';
import { useLocale } from './locale.svelte';
import { Overlay } from './overlay.svelte';
import { placeName, registrationKey, samePerson, shownPlace } from './places';
import type { Search } from './search.svelte';
import type { Selection } from './selection.svelte';
import { errorText } from './words';

const BANNER_CODES: readonly string[] = ['signedOut', 'offline', 'intermediary', 'tls', 'throttled'];

type Change = 'signIn' | 'code' | 'demo' | 'place' | 'signOut' | 'name';

export type Further = typeof Views;

/** A code for another device, and until when it is good. */
export interface ShownCode extends DeviceCodeView {
  until: number;
}

/** Whether a failure concerns the whole window, and a banner tells it. */
export function onBanner(error: CommandError): boolean {
  return BANNER_CODES.includes(error.code);
}

function accountOf({ session }: AppStatus) {
  return session.kind === 'signedIn' ? session.account : null;
}

/** What is in force, to be sent back with a change. */
export function asInput(settings: SettingsView): SettingsInput {
  return {
    tenant: settings.tenant ?? '',
    clientId: settings.clientId ?? '',
    cloud: settings.cloud,
    requireReason: settings.requireReason,
    idleLockMinutes: settings.idleLockMinutes,
    language: settings.language,
  };
}

/** What the window shows and what a person may do in it. */
export class AppState {
  status = $state.raw<AppStatus | null>(null);
  /** What stands in front of a person in the tenant that is shown. */
  desk = $state.raw<DeskState>()!;
  busy = $state<Change | 'plan' | 'start' | 'unlock' | 'answer' | null>(null);
  /** What happened outside the window, until it is closed. */
  notice = $state<WindowNotice | null>(null);
  /** Nothing but the lock is shown. */
  locked = $state(false);
  /** One read is out that was sent before its time. */
  trying = $state(false);
  lockProblem = $state.raw<CommandError | null>(null);
  /** The code to be typed on another device, while one is waited for. */
  code = $state.raw<ShownCode | null>(null);

  views = $state.raw<Further | null>(null);

  readonly announcer = new Announcer();
  readonly overlay = new Overlay();

  readonly account = $derived(this.status ? accountOf(this.status) : null);
  readonly place = $derived(shownPlace(this.status));
  readonly canRecover = $derived(this.account !== null && this.status?.journalProblem === null);
  /** Whether there is anything to lock away. */
  readonly canLock = $derived(
    this.account !== null || (this.status?.places.some((place) => place.signedIn) ?? false),
  );

  /** One for each tenant that was shown, by the id of its place. */
  readonly #desks = new Map<string, DeskState>();
  /** How often the status was asked for, and the question whose answer is the newest. An older answer is dropped. */
  #asked = 0;
  #newest = 0;
  /** How often a review or a start was begun or cut off by the lock. What was cut off changes nothing any more. */
  #begun = 0;
  #anotherCode = false;
  #language: string | null | undefined;

  constructor(
    readonly backend: Backend,
    /** The parts of the window that a start does not draw, once they are read. */
    views: Further | null = null,
  ) {
    this.views = views;
    this.desk = this.#newDesk('');
  }

  get view(): View {
    return this.desk.view;
  }

  get problem(): CommandError | null {
    return this.desk.problem;
  }

  set problem(problem: CommandError | null) {
    this.desk.problem = problem;
  }

  get trouble(): Trouble | null {
    return this.desk.trouble;
  }

  set trouble(trouble: Trouble | null) {
    this.desk.trouble = trouble;
  }

  /** The wait that keeps from what was asked last, if it is told by its end. */
  get heldUp(): HoldView | null {
    return this.trouble && longHold(this.trouble.error);
  }

  get selection(): Selection {
    return this.desk.selection;
  }

  get search(): Search {
    return this.desk.search;
  }

  async start(): Promise<void> {
    this.problem = null;
    try {
      const watching = this.backend.watchWindow((notice) => this.#noticed(notice));
      // What is wrong with it is said below, after the first drawing, which does not wait for it.
      watching.catch(() => {});
      await this.#ask();
      await watching;
    } catch (thrown) {
      // A window that hears nothing would not hear of its lock.
      this.status = null;
      this.problem = failure(thrown);
    }
  }

  /** `privileged` asks for the permission to send the action as well. Gives whether somebody is signed in now. */
  signIn(privileged = false): Promise<boolean> {
    return this.#change('signIn', async () => {
      const status = await this.backend.signIn(privileged);
      this.trouble = null;
      return status;
    });
  }

  /** The same with a code that is typed on another device. */
  signInWithCode(privileged = false): Promise<boolean> {
    return this.#change('code', async () => {
      for (;;) {
        this.#anotherCode = false;
        try {
          return await this.#askWithCode(privileged);
        } catch (thrown) {
          if (!this.#anotherCode) throw thrown;
        }
      }
    });
  }

  /** Gives up the code that is waited for and asks for another one, for the same permissions. */
  anotherCode(): Promise<void> {
    const cancelled = this.cancelSignIn();
    this.#anotherCode = true;
    return cancelled;
  }

  async cancelSignIn(): Promise<void> {
    this.#anotherCode = false;
    try {
      await this.backend.cancelSignIn();
    } catch (thrown) {
      this.problem = failure(thrown);
    }
  }

  startDemo(): Promise<void> {
    return this.#go('demo', () => this.backend.startDemo());
  }

  leaveDemo(): Promise<void> {
    return this.#go('demo', () => this.backend.leaveDemo());
  }

  async showPlace(place: string): Promise<void> {
    if (place === this.status?.place) return;
    await this.#go('place', () => this.backend.showPlace(place));
  }

  /** Leads to naming a tenant: the first, as long as there is none, or a further one. */
  addTenant(): void {
    const none = this.status?.places.find((place) => place.mode === 'unconfigured');
    if (none) void this.showPlace(none.id);
    else this.show({ name: 'addTenant' });
  }

  /** Gives what went wrong, or nothing. */
  async removePlace(place: string): Promise<CommandError | null> {
    if (this.busy) return null;
    this.busy = 'place';
    const removed = this.status?.places.find((each) => each.id === place);
    try {
      this.#take(await this.backend.removePlace(place));
      if (removed) this.announcer.say(m.place_removed({ tenant: placeName(removed) }));
      return null;
    } catch (thrown) {
      return failure(thrown);
    } finally {
      this.busy = null;
    }
  }

  /** Names the first tenant or a further one and goes on to its sign-in. Gives what is wrong with it, or nothing. */
  async nameTenant(input: TenantInput, further: boolean): Promise<CommandError | null> {
    const settings = this.status?.settings;
    if (this.busy || !settings) return null;
    const desk = this.desk;
    this.busy = 'name';
    try {
      const status = further
        ? await this.backend.addPlace(input)
        : await this.backend.saveSettings({ ...asInput(settings), ...input });
      desk.view = { name: 'desk' };
      this.#take(status);
    } catch (thrown) {
      return failure(thrown);
    } finally {
      this.busy = null;
    }
    void this.signIn();
    return null;
  }

  /** The window is signed out even if the keychain does not let go of the sign-in; then it can be tried once more. */
  async signOut(browser: boolean): Promise<void> {
    await this.#change('signOut', async () => {
      try {
        const status = await this.backend.signOut(browser);
        this.#forget();
        return status;
      } catch (thrown) {
        const status = await this.backend.appStatus().catch(() => null);
        if (status === null || accountOf(status) === null) this.#forget();
        if (status) this.#take(status);
        throw thrown;
      }
    });
  }

  /** Hides everything at once, then has the engine refuse everything. */
  async lock(): Promise<void> {
    if (this.locked || !this.canLock) return;
    this.#lock();
    try {
      this.#take(await this.backend.lockWindow());
    } catch (thrown) {
      this.problem = failure(thrown);
      await this.refresh();
    }
  }

  async unlock(): Promise<void> {
    if (this.busy) return;
    this.busy = 'unlock';
    this.lockProblem = null;
    try {
      this.#take(await this.backend.unlock());
    } catch (thrown) {
      this.lockProblem = failure(thrown);
      await this.refresh();
    }
    this.busy = null;
  }

  /** Gives what went wrong, or nothing. */
  async saveSettings(input: SettingsInput): Promise<CommandError | null> {
    try {
      this.#take(await this.backend.saveSettings(input));
      return null;
    } catch (thrown) {
      return failure(thrown);
    }
  }

  /** Changes the language at once, and keeps it unless policy fixes it. */
  async speak(language: 'en' | 'es'): Promise<void> {
    useLocale(language);
    const settings = this.status?.settings;
    if (!settings || settings.locked.includes('language')) return;
    const error = await this.saveSettings({ ...asInput(settings), language });
    if (error) this.problem = error;
  }

  /** `asked` tells that the permission was just asked for. */
  async review(asked = false): Promise<void> {
    const desk = this.desk;
    await desk.selection.settled();
    if (this.desk !== desk || this.busy || !this.canRecover || desk.selection.size === 0) return;
    if (desk.selection.size > (this.status?.settings.maxRunSize ?? 0)) return;
    this.busy = 'plan';
    const begun = ++this.#begun;
    desk.problem = null;
    desk.consent = null;
    try {
      const plan = await this.backend.planRun();
      if (begun !== this.#begun) return;
      desk.view = { name: 'confirm', plan };
    } catch (thrown) {
      if (begun !== this.#begun) return;
      const error = failure(thrown);
      if (error.code === 'consentNeeded') desk.consent = { problem: asked ? error : null };
      else if (!this.#tell(desk, error, () => void this.review())) desk.problem = error;
    }
    this.busy = null;
  }

  /** Asks for the permission to send the action and goes on to the review. */
  async askConsent(withCode = false): Promise<void> {
    const desk = this.desk;
    if (this.busy) return;
    desk.consent = { problem: null };
    const given = await (withCode ? this.signInWithCode(true) : this.signIn(true));
    // Somebody else may have signed in, or the person may have gone elsewhere.
    if (this.desk !== desk) return;
    if (!given) {
      desk.consent = { problem: desk.problem };
      desk.problem = null;
      return;
    }
    desk.consent = null;
    if (!this.locked && desk.view.name === 'desk') await this.review(true);
  }

  /** Starts the run a person confirmed. Gives what went wrong, or nothing. */
  async recover(confirmation: Confirmation): Promise<CommandError | null> {
    if (this.busy) return null;
    const desk = this.desk;
    this.busy = 'start';
    const begun = ++this.#begun;
    try {
      const run = await this.backend.startRun(confirmation);
      desk.began(run, begun === this.#begun || this.locked);
      return null;
    } catch (thrown) {
      const error = failure(thrown);
      if (begun === this.#begun && error.code === 'signedOut') this.#tell(desk, error, () => {});
      return error;
    } finally {
      if (begun === this.#begun) this.busy = null;
    }
  }

  /** Whether a run's selection can be had back: it was the last that started here. */
  canSelectAgain(runId: string): boolean {
    return this.desk.started === runId;
  }

  /** Back to the desk with the selection of a run of which nothing was sent. */
  selectAgain(): void {
    const desk = this.desk;
    if (desk.started) void desk.selection.putBack(desk.started);
    desk.started = null;
    this.leaveReview();
  }

  show(view: View): void {
    this.problem = null;
    this.desk.view = view;
  }

  /** Back from the review to the desk, with nothing sent. */
  leaveReview(): void {
    this.desk.reviewLeft = true;
    this.show({ name: 'desk' });
  }

  /** Lets runs be resumed although the journal lost entries. Gives what went wrong, or nothing. */
  async answerWentBack(): Promise<CommandError | null> {
    if (this.busy) return null;
    this.busy = 'answer';
    try {
      this.#take(await this.backend.answerWentBack());
      return null;
    } catch (thrown) {
      return failure(thrown);
    } finally {
      this.busy = null;
    }
  }

  /** Reads the status again, without disturbing what is on the screen. */
  async refresh(): Promise<void> {
    try {
      await this.#ask();
    } catch (thrown) {
      this.problem = failure(thrown);
    }
  }

  async #ask(): Promise<void> {
    const asked = ++this.#asked;
    const status = await this.backend.appStatus();
    if (asked >= this.#newest) this.#take(status, asked);
  }

  /** Has one read sent before the wait is over that Graph asked for. If it is answered, goes on with `again`. */
  async tryNow(again: () => void): Promise<void> {
    if (this.trying) return;
    this.trying = true;
    const desk = this.desk;
    try {
      await this.backend.probeHold();
      desk.trouble = null;
      if (desk === this.desk && !this.locked) again();
    } catch (thrown) {
      const error = failure(thrown);
      if (!this.#tell(desk, error, again)) desk.problem = error;
      else if (desk.trouble) this.announcer.say(errorText(desk.trouble.error));
    } finally {
      this.trying = false;
    }
  }

  /** What a person can do about a reading that failed. Where a banner offers to try now, nothing else does. */
  onceMore(error: CommandError, again: () => void): { action?: string; onaction?: () => void } {
    const hold = longHold(error);
    if (!hold || isOver(hold)) return { action: m.retry(), onaction: again };
    if (!hold.mayProbe || this.heldUp?.mayProbe) return {};
    return { action: m.throttled_try_now(), onaction: () => void this.tryNow(again) };
  }

  /** Shows a banner for what concerns the whole window. Gives true if there is one. */
  #tell(desk: DeskState, error: CommandError, again: () => void): boolean {
    if (error.code === 'locked') {
      void this.refresh();
      return true;
    }
    if (!onBanner(error)) return false;
    desk.trouble = { error, again };
    if (error.code === 'signedOut') void this.refresh();
    return true;
  }

  #noticed(notice: WindowNotice): void {
    if (notice === 'startedAgain' || notice === 'policyChanged') this.notice = notice;
    if (notice === 'startedAgain') return;
    if (notice === 'locked') this.#lock();
    void this.refresh();
  }

  async #askWithCode(privileged: boolean): Promise<AppStatus> {
    let waiting = true;
    try {
      const status = await this.backend.signInWithCode(privileged, (code) => {
        if (!waiting) return;
        this.code = { ...code, until: now() + code.expiresInSeconds * 1000 };
        this.announcer.say(m.code_announce({ code: code.userCode, address: code.verificationUri }));
      });
      this.trouble = null;
      return status;
    } finally {
      waiting = false;
      this.code = null;
      this.announcer.clear();
    }
  }

  #newDesk(registration: string): DeskState {
    return new DeskState(registration, this.backend, (desk, error, again) => this.#tell(desk, error, again));
  }

  #lock(): void {
    this.#newest = ++this.#asked;
    if (this.locked) return;
    this.locked = true;
    this.lockProblem = null;
    if (this.busy === 'plan' || this.busy === 'start') this.busy = null;
    this.#begun += 1;
    for (const desk of this.#desks.values()) desk.lock();
    this.announcer.say(m.lock_title());
  }

  #take(status: AppStatus, asked = ++this.#asked): void {
    this.#newest = asked;
    this.status = status;
    if (status.locked) {
      this.#lock();
    } else {
      if (this.locked) this.announcer.clear();
      this.locked = false;
      this.#seat(status);
    }
    if (this.#language !== status.settings.language) {
      this.#language = status.settings.language;
      useLocale(status.settings.language ?? navigator.language);
    }
  }

  /** Puts the desk of the shown tenant in front of the person: another registration or account has a desk of its own. */
  #seat(status: AppStatus): void {
    const account = accountOf(status);
    const registration = registrationKey(status);
    let desk = this.#desks.get(status.place);
    const before = desk?.account ?? null;
    const others = account !== null && before !== null && !samePerson(before, account);
    if (!desk || desk.registration !== registration || others) {
      desk = this.#newDesk(registration);
      this.#desks.set(status.place, desk);
    }
    if (account) {
      desk.stays = true;
      desk.account = account;
    }
    for (const id of this.#desks.keys()) {
      if (id !== status.place && !status.places.some((place) => place.id === id)) this.#desks.delete(id);
    }
    if (desk !== this.desk) this.desk.pause();
    this.desk = desk;
    desk.resume();
  }

  /** Nothing of the shown tenant stays. */
  #forget(): void {
    const old = this.desk;
    old.pause();
    this.desk = this.#newDesk(old.registration);
    if (this.status) this.#desks.set(this.status.place, this.desk);
  }

  /** Goes to another tenant. An answer that was waited for could come from there, so none is taken any more. */
  async #go(what: 'demo' | 'place', question: () => Promise<AppStatus>): Promise<void> {
    if (this.busy) return;
    const from = this.desk;
    from.pause();
    if (!(await this.#change(what, question))) {
      if (!this.locked) from.resume();
      return;
    }
    if (!this.place || this.locked) return;
    const tenant = placeName(this.place);
    const account = this.account?.username;
    this.announcer.say(account ? m.place_shown({ tenant, account }) : m.place_shown_out({ tenant }));
  }

  async #change(what: Change, question: () => Promise<AppStatus>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = what;
    this.problem = null;
    this.lockProblem = null;
    let done = false;
    try {
      const status = await question();
      this.#take(status);
      done = true;
    } catch (thrown) {
      if (this.locked) this.lockProblem = failure(thrown);
      else this.problem = failure(thrown);
    }
    this.busy = null;
    return done;
  }
}
