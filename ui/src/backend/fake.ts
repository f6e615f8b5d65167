import {
  BackendError,
  type AppStatus,
  type Backend,
  type CommandError,
  type Confirmation,
  type DeviceCodeView,
  type Column,
  type DeviceDetails,
  type DeviceQuestion,
  type DeviceRow,
  type EarlierRequest,
  type HistoryQuery,
  type ItemView,
  type JournalCheck,
  type PlaceView,
  type PlanView,
  type ReportFormat,
  type RouteView,
  type RunProgress,
  type RunSummary,
  type RunView,
  type SelectWhat,
  type SessionView,
  type SettingsInput,
  type SetupLink,
  type TenantCheck,
  type TableQuery,
  type TableState,
  type TenantInput,
  type TrayGrouping,
  type WindowNotice,
} from './backend';
import { fakeDetails, fakeHistory, runsAtHand } from './fake-record';
import {
  count,
  fakeAccount,
  fakeCode,
  fakeItemOf,
  fakeNotices,
  fakePlace,
  fakeSetupLinks,
  fakeWantedUntil,
  problem,
  unsent,
  WHILE_LOCKED,
} from './fake-values';
import { fakeStatus } from './fake-status';
import { FakeDesk, type DevicesFound } from './fake-table';
import { FAKE_NOW, fakeApps, fakeUsers } from './fake-tenant';

export type Command = keyof Backend;
export { fakeAccount, fakeCode, fakeHold, fakePlace, problem } from './fake-values';

interface FakeRun {
  place: string;
  view: RunView;
  tell: ((progress: RunProgress) => void) | null;
}

/** An engine in memory: it keeps what it is told, answers as the real one would, and fails on demand. */
export class FakeBackend implements Backend {
  readonly calls: { command: Command; argument: unknown }[] = [];
  status: AppStatus;
  now = FAKE_NOW;
  typedCountAbove = 20;
  /** Who signs in next. */
  account = fakeAccount;
  /** Whether sending the action was consented to. */
  consented = true;
  /** Places in which a run is under way that this engine knows nothing else of. */
  readonly running = new Set<string>();
  /** The code for another device. */
  code = fakeCode;
  /** What the cloud says of a tenant. */
  tenantCheck: (input: TenantInput) => TenantCheck = () => ({
    kind: 'found',
    tenantId: fakeAccount.tenantId,
  });
  /** Milliseconds between two items of a run; none waits for {@link step}. */
  pace: number | null = null;
  /** How each item of a run turns out, by its position. */
  outcome: (position: number) => Partial<ItemView> = () => ({ state: 'accepted' });
  /** Whether Microsoft documents the action for a device. */
  documented: (device: DeviceRow) => boolean = () => true;
  /** The newest request for a device that the journal has, if any. */
  earlier: (device: DeviceRow) => EarlierRequest | null = () => null;
  /** The passcode that the service tells, if any. */
  passcode: string | null = null;
  /** What a device is told to be, if not the usual. */
  details: Partial<DeviceDetails> = {};
  /** The licences of what others made. */
  notices = fakeNotices;
  /** What a look at the journal finds. */
  journal: JournalCheck = {
    entries: 42,
    head: '5f'.repeat(32),
    broken: null,
    losses: [],
    behind: null,
  };
  /** What a search by device finds, if not the usual. */
  devicesFound: Partial<DevicesFound> | null = null;
  /** How many rows are read before {@link readOn} is called; all of them, if null. */
  rowsAtOnce: number | null = null;
  readsAll = false;
  unread: (entry: string) => boolean = () => false;

  /** The devices of each plan that was made, and how they were found. */
  readonly planned: { deviceId: string; route: RouteView }[][] = [];

  #failures = new Map<Command, CommandError[]>();
  #gates = new Map<Command, Promise<void>[]>();
  /** What was found and selected, by place and account. */
  #desks = new Map<string, FakeDesk>();
  #plans = new Map<string, PlanView>();
  #runs: FakeRun[] = [];
  #signIn: { reject: (error: Error) => void } | null = null;
  /** The session of each place that is not shown. */
  #sessions = new Map<string, SessionView>();
  #checks = 0;
  #turns = 0;

  constructor(status: Partial<AppStatus> = {}) {
    this.status = fakeStatus(status);
  }

  static signedIn(status: Partial<AppStatus> = {}): FakeBackend {
    return new FakeBackend({ session: { kind: 'signedIn', account: fakeAccount }, ...status });
  }

  /** Makes the next call of a command fail. */
  fail(command: Command, error: CommandError): void {
    this.#failures.set(command, [...(this.#failures.get(command) ?? []), error]);
  }

  /** Holds the next call of a command back until the returned function is called. */
  hold(command: Command): () => void {
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    this.#gates.set(command, [...(this.#gates.get(command) ?? []), gate]);
    return release;
  }

  /** The session ends as it does when the service no longer takes the token. */
  endSession(why: Partial<CommandError> = {}): void {
    this.status = { ...this.status, session: { kind: 'signedOut', problem: problem('signedOut', why) } };
  }

  called(command: Command): unknown[] {
    return this.calls.filter((call) => call.command === command).map((call) => call.argument);
  }

  async #answer<T>(command: Command, argument: unknown, give: () => T | Promise<T>): Promise<T> {
    this.calls.push({ command, argument });
    const gate = this.#gates.get(command)?.shift();
    if (gate) await gate;
    const error = this.#failures.get(command)?.shift();
    if (error) throw new BackendError(error);
    if (this.status.locked && !WHILE_LOCKED.includes(command)) throw new BackendError(problem('locked'));
    return give();
  }

  /** The status after a change; who is signed in where follows from the sessions. */
  #set(change: Partial<AppStatus> = {}): AppStatus {
    this.status = { ...this.status, ...change };
    const { places, place: shown } = this.status;
    this.status.places = places.map((place) => {
      const session = place.id === shown ? this.status.session : this.#sessions.get(place.id);
      const moving = this.#runs.some(
        (run) => run.place === place.id && ['starting', 'active'].includes(run.view.summary.state),
      );
      const runUnderWay = moving || this.running.has(place.id);
      return session?.kind === 'signedIn'
        ? { ...place, runUnderWay, account: session.account, signedIn: true }
        : { ...place, runUnderWay, signedIn: false };
    });
    return this.status;
  }

  #put(id: string, change: Partial<AppStatus> = {}): AppStatus {
    const places = change.places ?? this.status.places;
    const to = places.find((place) => place.id === id);
    if (!to) throw new BackendError(problem('notFound'));
    if (id !== this.status.place) this.#sessions.set(this.status.place, this.status.session);
    const session = this.#sessions.get(id) ?? { kind: 'signedOut', problem: null };
    const { mode } = to;
    return this.#set({ place: id, mode, session, keychain: mode === 'demo' ? 'notUsed' : 'kept', ...change });
  }

  /** A further tenant on the list, with somebody signed in there or not. */
  with(place: PlaceView): this {
    this.status = { ...this.status, places: [...this.status.places, place] };
    if (place.signedIn && place.account) {
      this.#sessions.set(place.id, { kind: 'signedIn', account: place.account });
    }
    return this;
  }

  appStatus = () => this.#answer('appStatus', null, () => this.#set());

  /** Tells the window something, once it listens. */
  notify: (notice: WindowNotice) => void = () => {};

  watchWindow = (onNotice: (notice: WindowNotice) => void) =>
    this.#answer('watchWindow', null, () => {
      this.notify = onNotice;
    });

  startDemo = () =>
    this.#answer('startDemo', null, () => {
      const known = this.status.places.some((place) => place.id === 'demo');
      const places = known
        ? this.status.places
        : [...this.status.places, fakePlace('demo', { mode: 'demo' })];
      return this.#put('demo', { places });
    });

  leaveDemo = () => this.#answer('leaveDemo', null, () => this.#put('home'));

  showPlace = (place: string) => this.#answer('showPlace', place, () => this.#put(place));

  addPlace = (input: TenantInput) =>
    this.#answer('addPlace', input, () => {
      if (this.status.places.some(({ tenant }) => tenant === input.tenant)) {
        throw new BackendError(problem('tenantKnown'));
      }
      const place = fakePlace(`place-${++this.#turns}`, { tenant: input.tenant, removable: true });
      return this.#put(place.id, { places: [...this.status.places, place] });
    });

  removePlace = (id: string) =>
    this.#answer('removePlace', id, () => {
      const going = this.status.places.find((place) => place.id === id);
      if (going?.runUnderWay) throw new BackendError(problem('runUnderWay'));
      this.#desks.delete(id);
      const places = this.status.places.filter((place) => place.id !== id);
      return this.status.place === id ? this.#put('home', { places }) : this.#set({ places });
    });

  checkTenant = (input: TenantInput) => {
    const turn = (this.#checks += 1);
    return this.#answer('checkTenant', input, () => {
      if (turn !== this.#checks) throw new BackendError(problem('superseded'));
      return this.tenantCheck(input);
    });
  };

  setupLinks = (input: TenantInput) => this.#answer('setupLinks', input, () => fakeSetupLinks(input));

  openSetupLink = (input: TenantInput, link: SetupLink) =>
    this.#answer('openSetupLink', { input, link }, () => {});

  touch = () => this.#answer('touch', null, () => {});

  lockWindow = () => this.#answer('lockWindow', null, () => this.#set({ locked: true }));

  unlock = () => this.#answer('unlock', null, () => this.#set({ locked: false }));

  /** Nobody touched the window for a while. */
  fallAsleep(): void {
    this.status = { ...this.status, locked: true };
    this.notify('locked');
  }

  #signedIn(privileged: boolean): AppStatus {
    if (privileged) this.consented = true;
    return this.#set({ locked: false, session: { kind: 'signedIn', account: this.account } });
  }

  #cancellable(): Promise<never> {
    return new Promise<never>((_, reject) => (this.#signIn = { reject }));
  }

  signIn = (privileged: boolean) =>
    Promise.race([this.#answer('signIn', privileged, () => this.#signedIn(privileged)), this.#cancellable()]);

  signInWithCode = (privileged: boolean, onCode: (code: DeviceCodeView) => void) => {
    queueMicrotask(() => onCode(this.code));
    return Promise.race([
      this.#answer('signInWithCode', privileged, () => this.#signedIn(privileged)),
      this.#cancellable(),
    ]);
  };

  cancelSignIn = () =>
    this.#answer('cancelSignIn', null, () =>
      this.#signIn?.reject(new BackendError(problem('signInCancelled'))),
    );

  signOut = (browser: boolean) =>
    this.#answer('signOut', browser, () => {
      this.#desks.delete(this.status.place);
      return this.#set({ session: { kind: 'signedOut', problem: null } });
    });

  saveSettings = (input: SettingsInput) =>
    this.#answer('saveSettings', input, () =>
      this.#set({
        mode: this.status.mode === 'demo' ? 'demo' : 'tenant',
        places: this.status.places.map((place) =>
          place.id === 'home' ? { ...place, mode: 'tenant', tenant: input.tenant } : place,
        ),
        configProblem: null,
        settings: { ...this.status.settings, ...input },
      }),
    );

  findUsers = (text: string) =>
    this.#answer('findUsers', text, () => {
      const part = text.toLowerCase();
      const users = fakeUsers.filter((user) =>
        `${user.displayName} ${user.userPrincipalName}`.toLowerCase().includes(part),
      );
      return { users: [...users], leftOut: 0, more: false };
    });

  findApps = (text: string) =>
    this.#answer('findApps', text, () => ({
      apps: fakeApps.filter((app) => app.displayName.toLowerCase().includes(text.toLowerCase())),
      leftOut: 0,
      complete: true,
      problem: null,
    }));

  /** The desk of who is signed in, or was last, in the place that is shown. */
  get #desk(): FakeDesk {
    const { session, place } = this.status;
    if (session.kind === 'signedIn') {
      const { tenantId, username } = session.account;
      const owner = `${tenantId} ${username}`;
      const desk = this.#desks.get(place);
      if (desk?.owner === owner) return desk;
      this.#desks.set(place, new FakeDesk(owner, place, this));
    }
    const desk = this.#desks.get(place);
    if (!desk) throw new BackendError(problem('signedOut'));
    return desk;
  }

  probeHold = () => this.#answer('probeHold', null, () => {});

  searchDevices = (question: DeviceQuestion, onChange: (state: TableState) => void) =>
    this.#answer('searchDevices', question, () => this.#desk.search(question, onChange));

  /** Reads the next rows of the table. */
  readOn(): void {
    this.#desk.readOn();
  }

  tableRows = (search: number, query: TableQuery, from: number, count: number) =>
    this.#answer('tableRows', { search, query, from, count }, () =>
      this.#desk.rows(search, query, from, count),
    );

  columnValues = (search: number, column: Column) =>
    this.#answer('columnValues', { search, column }, () => this.#desk.values(search, column));

  selectRows = (search: number, query: TableQuery, what: SelectWhat, on: boolean) =>
    this.#answer('selectRows', { search, query, what, on }, () => this.#desk.select(search, query, what, on));

  unselect = (deviceIds: string[]) =>
    this.#answer('unselect', deviceIds, () => this.#desk.unselect(deviceIds));

  clearSelection = () => this.#answer('clearSelection', null, () => this.#desk.clear());

  undoClear = () => this.#answer('undoClear', null, () => this.#desk.undoClear());

  putBack = (runId: string) => this.#answer('putBack', runId, () => this.#desk.putBack(runId));

  trayRows = (grouping: TrayGrouping, from: number, count: number) =>
    this.#answer('trayRows', { grouping, from, count }, () => this.#desk.tray(grouping, from, count));

  planRun = () =>
    this.#answer('planRun', null, () => {
      const session = this.status.session;
      if (session.kind !== 'signedIn') throw new BackendError(problem('signedOut'));
      if (!this.consented) throw new BackendError(problem('consentNeeded'));
      const plan: PlanView = {
        planId: `plan-${++this.#turns}`,
        account: session.account,
        items: this.#desk.held().map(({ device, route }) => ({
          device,
          route,
          documented: this.documented(device),
          earlier: this.earlier(device),
        })),
        reasonRequired: this.status.settings.requireReason,
        typedCountAbove: this.typedCountAbove,
        maxRunSize: this.status.settings.maxRunSize,
        countdownSeconds: this.status.settings.countdownSeconds,
      };
      this.#plans.set(plan.planId, plan);
      this.planned.push(plan.items.map(({ device, route }) => ({ deviceId: device.id, route })));
      return plan;
    });

  startRun = (confirmation: Confirmation) =>
    this.#answer('startRun', confirmation, () => {
      const plan = this.#plans.get(confirmation.planId);
      const left = plan?.items.filter((item) => !confirmation.leaveOut.includes(item.device.id)) ?? [];
      if (!plan || left.length !== confirmation.count) throw new BackendError(problem('planMismatch'));
      this.#plans.delete(confirmation.planId);
      const items = left.map(({ device, route }, position) => fakeItemOf(device, route, position));
      const run: FakeRun = {
        place: this.status.place,
        view: {
          summary: {
            id: `run-${++this.#turns}`,
            started: new Date(this.now).toISOString(),
            finished: null,
            wantedUntil: fakeWantedUntil(this.now),
            tenant: plan.account.tenantName,
            account: plan.account.username,
            reason: confirmation.reason,
            state: plan.countdownSeconds > 0 ? 'starting' : 'active',
            counts: count(items),
            remainingSeconds: Math.ceil(items.length / 10),
            hold: null,
            startsInSeconds: plan.countdownSeconds > 0 ? plan.countdownSeconds : null,
            followed: false,
          },
          items,
        },
        tell: null,
      };
      this.#runs.unshift(run);
      // With those that were left out, so that they go to no later run by mistake.
      this.#desk.started(
        run.view.summary.id,
        plan.items.map(({ device }) => device.id),
      );
      this.#go(run);
      return run.view;
    });

  /** Puts a run into the journal as it is. */
  keep(view: RunView): void {
    this.#runs.unshift({ place: this.status.place, view, tell: null });
  }

  #go(run: FakeRun): void {
    if (this.pace === null) return;
    const countdown = (run.view.summary.startsInSeconds ?? 0) * 1000;
    setTimeout(() => {
      if (this.step(run.view.summary.id)) this.#go(run);
    }, this.pace + countdown);
  }

  /** Sends the next waiting item. Gives whether the run goes on. */
  step(runId: string): boolean {
    const run = this.#run(runId);
    if (run.view.summary.state === 'starting') this.say(runId, { state: 'active', startsInSeconds: null });
    const next = run.view.items.find((item) => item.state === 'waiting');
    if (!next || run.view.summary.state !== 'active') return false;
    const requestId = `5b1c9e20-7d44-4f0e-9a61-${String(next.position).padStart(12, '0')}`;
    const clientRequestId = requestId.replace('5b1c9e20', 'c11e47aa');
    const at = new Date(this.now).toISOString();
    const items = [{ ...next, requestId, clientRequestId, at, ...this.outcome(next.position) }];
    return this.#change(run, items) === 'active';
  }

  /** Changes what the run says of itself, such as a hold. */
  say(runId: string, change: Partial<RunSummary>): void {
    const run = this.#run(runId);
    run.view = { ...run.view, summary: { ...run.view.summary, ...change } };
    run.tell?.({ summary: run.view.summary, items: [] });
  }

  #change(run: FakeRun, items: ItemView[], state?: RunSummary['state']): RunSummary['state'] {
    const all = run.view.items.slice();
    for (const item of items) all[item.position] = item;
    const counts = count(all);
    const over = counts.waiting === 0;
    const summary: RunSummary = {
      ...run.view.summary,
      counts,
      state: state ?? (over ? 'finished' : run.view.summary.state),
      finished: over ? new Date(this.now).toISOString() : null,
      followed: over && counts.accepted + counts.unconfirmed > 0,
      remainingSeconds: over ? null : Math.ceil(counts.waiting / 10) + (run.view.summary.hold?.seconds ?? 0),
    };
    run.view = { summary, items: all };
    run.tell?.({ summary, items });
    return summary.state;
  }

  #run(runId: string): FakeRun {
    const run = this.#runs.find(({ view }) => view.summary.id === runId);
    if (!run) throw new BackendError(problem('notFound'));
    return run;
  }

  watchRun = (runId: string, onProgress: (progress: RunProgress) => void) =>
    this.#answer('watchRun', runId, () => {
      const run = this.#run(runId);
      run.tell = onProgress;
      return run.view;
    });

  cancelRun = (runId: string) =>
    this.#answer('cancelRun', runId, () => {
      const run = this.#run(runId);
      const unsent = run.view.items.filter((item) => item.state === 'waiting');
      this.#change(
        run,
        unsent.map((item) => ({ ...item, state: 'notSent' })),
        'cancelled',
      );
    });

  checkOutcomes = (runId: string) =>
    this.#answer('checkOutcomes', runId, () => {
      const run = this.#run(runId);
      const states = ['done', 'notSupported', 'accepted'] as const;
      const items = run.view.items
        .filter((item) => item.state === 'accepted' || item.state === 'unconfirmed')
        .map((item, index) => ({ ...item, state: states[index % states.length] ?? 'done' }));
      this.#change(run, items);
      return run.view;
    });

  listRuns = () => this.#answer('listRuns', null, () => runsAtHand(this.#runsHere()));

  getRun = (runId: string) => this.#answer('getRun', runId, () => this.#run(runId).view);

  /** Waiting again are those that `which` names. */
  #again(run: FakeRun, which: (item: ItemView) => boolean): RunView {
    const items = run.view.items.filter(which).map((item) => ({ ...item, ...unsent }));
    const ended = run.view.summary.finished !== null || run.view.summary.state !== 'active';
    this.#change(run, items, ended && this.status.settings.countdownSeconds > 0 ? 'starting' : 'active');
    if (run.view.summary.state === 'starting') {
      this.say(run.view.summary.id, { startsInSeconds: this.status.settings.countdownSeconds });
    }
    this.#go(run);
    return run.view;
  }

  resumeRun = (runId: string) =>
    this.#answer('resumeRun', runId, () => {
      this.say(runId, { wantedUntil: fakeWantedUntil(this.now) });
      return this.#again(this.#run(runId), (item) => item.state === 'notSent');
    });

  discardRun = (runId: string) =>
    this.#answer('discardRun', runId, () => {
      const run = this.#run(runId);
      this.#change(run, [], 'cancelled');
      return run.view;
    });

  sendAgain = (runId: string, position: number) =>
    this.#answer('sendAgain', { runId, position }, () => {
      const run = this.#run(runId);
      return { run: this.#again(run, (item) => item.position === position), settled: false };
    });

  showPasscode = (runId: string, position: number) =>
    this.#answer('showPasscode', { runId, position }, () => this.passcode);

  copyPasscode = (runId: string, position: number) =>
    this.#answer('copyPasscode', { runId, position }, () => this.passcode !== null);

  hidePasscode = () => this.#answer('hidePasscode', null, () => {});

  deviceDetails = (deviceId: string) =>
    this.#answer('deviceDetails', deviceId, () => ({
      ...fakeDetails(deviceId, this.#runsHere(), this.now),
      ...this.details,
    }));

  searchHistory = (query: HistoryQuery) =>
    this.#answer('searchHistory', query, () => fakeHistory(this.#runsHere(), query));

  #runsHere(): RunView[] {
    return this.#runs.filter(({ place }) => place === this.status.place).map(({ view }) => view);
  }

  exportRun = (runId: string, format: ReportFormat, language: string) =>
    this.#answer(
      'exportRun',
      { runId, format, language },
      () =>
        `/home/alma/Downloads/unlatch-20260301-100000-7c9e6679.${format === 'jsonLines' ? 'jsonl' : format}`,
    );

  verifyJournal = () => this.#answer('verifyJournal', null, () => this.journal);

  answerWentBack = () =>
    this.#answer('answerWentBack', null, () => {
      this.status = { ...this.status, journalWentBack: null };
      return this.status;
    });

  thirdPartyNotices = () => this.#answer('thirdPartyNotices', null, () => this.notices);
}
