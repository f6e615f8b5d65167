import type * as t from './bindings';

export type {
  AccountView,
  ActionResultView,
  AppRow,
  AppStatus,
  AppsFound,
  CommandError,
  ConfigProblem,
  Confirmation,
  DeviceCodeView,
  DeviceDetails,
  DeviceFacts,
  DeviceRow,
  DeviceWarning,
  DeviceField,
  DevicesFound,
  EntraHelp,
  ErrorCode,
  FoundView,
  HistoryFound,
  HistoryItem,
  HistoryQuery,
  ItemReason,
  ItemState,
  ItemView,
  JournalCheck,
  KeychainView,
  Mode,
  PlaceView,
  PlanItem,
  PlanView,
  ReportFormat,
  RouteView,
  RunCounts,
  RunProgress,
  RunState,
  RunSummary,
  RunView,
  SelectedDevice,
  SentAgain,
  SessionView,
  SettingsInput,
  SettingsView,
  SetupLink,
  SetupLinks,
  TenantCheck,
  TenantInput,
  UserRow,
  UsersFound,
  WindowNotice,
} from './bindings';

/** Everything the window can ask of the engine. Every call can throw a {@link BackendError}. */
export interface Backend {
  appStatus(): Promise<t.AppStatus>;
  /** Starts the demo tenant and puts it behind the window, signed out. */
  startDemo(): Promise<t.AppStatus>;
  leaveDemo(): Promise<t.AppStatus>;
  /** Puts another tenant behind the window. */
  showPlace(place: string): Promise<t.AppStatus>;
  /** Names a further tenant and shows it, signed out. */
  addPlace(input: t.TenantInput): Promise<t.AppStatus>;
  /** Signs out there and takes it off the list. */
  removePlace(place: string): Promise<t.AppStatus>;
  /** Asks the cloud for the tenant: a newer call makes an older one fail with `superseded`. */
  checkTenant(input: t.TenantInput): Promise<t.TenantCheck>;
  setupLinks(input: t.TenantInput): Promise<t.SetupLinks>;
  openSetupLink(input: t.TenantInput, link: t.SetupLink): Promise<void>;
  /**
   * Opens the browser and resolves when the sign-in is done, up to 5 minutes later. `privileged` asks for the permission to send
   * the action as well. Unlocks a locked window.
   */
  signIn(privileged: boolean): Promise<t.AppStatus>;
  /** The same with a code that is typed on another device; it is told through `onCode`. */
  signInWithCode(privileged: boolean, onCode: (code: t.DeviceCodeView) => void): Promise<t.AppStatus>;
  cancelSignIn(): Promise<void>;
  /** `browser` also opens Microsoft's page for signing out there. */
  signOut(browser: boolean): Promise<t.AppStatus>;
  /** Somebody used keyboard or pointer. */
  touch(): Promise<void>;
  lockWindow(): Promise<t.AppStatus>;
  unlock(): Promise<t.AppStatus>;
  saveSettings(input: t.SettingsInput): Promise<t.AppStatus>;
  /** As you type: a newer call makes an older one fail with `superseded`. */
  findUsers(text: string): Promise<t.UsersFound>;
  devicesOfUser(userId: string): Promise<t.DevicesFound>;
  findApps(text: string): Promise<t.AppsFound>;
  devicesWithApp(appId: string): Promise<t.DevicesFound>;
  /** By a part of the device name, or the whole serial number. */
  findDevices(text: string): Promise<t.DevicesFound>;
  /** Tells of what happens outside the window from now on. */
  watchWindow(onNotice: (notice: t.WindowNotice) => void): Promise<void>;
  planRun(selection: t.SelectedDevice[]): Promise<t.PlanView>;
  startRun(confirmation: t.Confirmation): Promise<t.RunView>;
  /** Lets what an interrupted run had not sent go out, after the countdown. */
  resumeRun(runId: string): Promise<t.RunView>;
  /** Gives up what an interrupted run had not sent. */
  discardRun(runId: string): Promise<t.RunView>;
  /** Sends to one device again, after the countdown; one in doubt is asked first. */
  sendAgain(runId: string, position: number): Promise<t.SentAgain>;
  /** The passcode that the service holds with what the device reported; null if it tells none any more. */
  showPasscode(runId: string, position: number): Promise<string | null>;
  /**
   * Copies that passcode as a secret, without showing it, and clears the clipboard after 60 seconds if it is still there. False if
   * the service tells none any more.
   */
  copyPasscode(runId: string, position: number): Promise<boolean>;
  /** No passcode is shown any more: the window may be captured again. */
  hidePasscode(): Promise<void>;
  /** Gives the run as it is, then what changes through `onProgress` until it is neither active nor followed. */
  watchRun(runId: string, onProgress: (progress: t.RunProgress) => void): Promise<t.RunView>;
  cancelRun(runId: string): Promise<void>;
  /** Reads what the devices report, once for each accepted or unconfirmed item. */
  checkOutcomes(runId: string): Promise<t.RunView>;
  /** Newest first. */
  listRuns(): Promise<t.RunSummary[]>;
  getRun(runId: string): Promise<t.RunView>;
  /** Everything worth knowing of a device of the table, of the selection or of the journal, read afresh. */
  deviceDetails(deviceId: string): Promise<t.DeviceDetails>;
  /** Looks for runs and devices in the journal. */
  searchHistory(query: t.HistoryQuery): Promise<t.HistoryFound>;
  /** Writes a report into the folder for downloads. Gives the file. */
  exportRun(runId: string, format: t.ReportFormat, language: string): Promise<string>;
  verifyJournal(): Promise<t.JournalCheck>;
}

/** A failure of the engine. The window branches on `detail.code` alone. */
export class BackendError extends Error {
  override readonly name = 'BackendError';

  constructor(readonly detail: t.CommandError) {
    super(detail.message);
  }
}

/** The failure behind whatever was thrown; what did not come from the engine is a fault of this application. */
export function failure(thrown: unknown): t.CommandError {
  if (thrown instanceof BackendError) return thrown.detail;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    code: 'internal',
    message,
    requestId: null,
    retryAfter: null,
    help: null,
    at: null,
    keychain: null,
  };
}
