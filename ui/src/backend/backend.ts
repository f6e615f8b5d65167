import type * as t from './bindings';

export type {
  AccountView,
  ActionResultView,
  AppRow,
  AppStatus,
  AppsFound,
  Column,
  ColumnFilter,
  ColumnValue,
  CommandError,
  ConfigProblem,
  Confirmation,
  DeviceCodeView,
  DeviceQuestion,
  DeviceDetails,
  DeviceFacts,
  DeviceRow,
  DeviceWarning,
  DeviceField,
  EarlierRequest,
  EntraHelp,
  ErrorCode,
  FoundView,
  HistoryFound,
  HistoryItem,
  HistoryQuery,
  HoldView,
  ItemReason,
  ItemState,
  ItemView,
  JournalCheck,
  JournalTrouble,
  KeychainView,
  ListGroup,
  ListNote,
  ListNoteKind,
  ListView,
  Mode,
  PlaceView,
  PlanItem,
  PlanView,
  ReportFormat,
  RouteView,
  RunCounts,
  RunProgress,
  RunsAtHand,
  RunState,
  RunSummary,
  RunView,
  SelectionState,
  SelectWhat,
  SentAgain,
  SessionView,
  SettingsInput,
  SettingsView,
  SetupLink,
  SetupLinks,
  TableQuery,
  TableRow,
  TableSort,
  TableState,
  TableWindow,
  TenantCheck,
  TenantInput,
  TrayGrouping,
  TrayRow,
  TrayWindow,
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
  /** As {@link findUsers}. */
  findApps(text: string): Promise<t.AppsFound>;
  /** Has one read sent before the wait is over that Graph asked a read for; if it is answered, nobody waits for that any longer. */
  probeHold(): Promise<void>;
  /**
   * Makes a table of the devices that a question names, in the place of the one before. How far it is read is told through `onChange`;
   * the answer is how it stands in the end.
   */
  searchDevices(question: t.DeviceQuestion, onChange: (state: t.TableState) => void): Promise<t.TableState>;
  /** At most 200 rows of the table `search` that meet a query, from a place on. `superseded` if there is another table by now. */
  tableRows(search: number, query: t.TableQuery, from: number, count: number): Promise<t.TableWindow>;
  /** The values of a column among all rows of the table, the most frequent first. */
  columnValues(search: number, column: t.Column): Promise<t.ColumnValue[]>;
  /** Selects or unselects rows of the table as the query shows them. */
  selectRows(search: number, query: t.TableQuery, what: t.SelectWhat, on: boolean): Promise<t.SelectionState>;
  unselect(deviceIds: string[]): Promise<t.SelectionState>;
  clearSelection(): Promise<t.SelectionState>;
  undoClear(): Promise<t.SelectionState>;
  /** Selects again what the run that was started last from here was for. */
  putBack(runId: string): Promise<t.SelectionState>;
  /** At most 200 rows of the tray, from a place on. */
  trayRows(grouping: t.TrayGrouping, from: number, count: number): Promise<t.TrayWindow>;
  /** Tells of what happens outside the window from now on. */
  watchWindow(onNotice: (notice: t.WindowNotice) => void): Promise<void>;
  /** What recovering the selected devices will do. Nothing is sent. */
  planRun(): Promise<t.PlanView>;
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
  /** Gives the run as it is, then what changes through `onProgress` until it is neither active nor followed or one is watched anew. */
  watchRun(runId: string, onProgress: (progress: t.RunProgress) => void): Promise<t.RunView>;
  cancelRun(runId: string): Promise<void>;
  /** Reads what the devices report, once for each accepted or unconfirmed item. */
  checkOutcomes(runId: string): Promise<t.RunView>;
  listRuns(): Promise<t.RunsAtHand>;
  getRun(runId: string): Promise<t.RunView>;
  /** Everything worth knowing of a device of the table, of the selection or of the journal, read afresh. */
  deviceDetails(deviceId: string): Promise<t.DeviceDetails>;
  /** Looks for runs and devices in the journal. */
  searchHistory(query: t.HistoryQuery): Promise<t.HistoryFound>;
  /** Writes a report into the folder for downloads. Gives the file. */
  exportRun(runId: string, format: t.ReportFormat, language: string): Promise<string>;
  verifyJournal(): Promise<t.JournalCheck>;
  /** The person was told of the entries that the journal lost and lets runs be resumed. */
  answerWentBack(): Promise<t.AppStatus>;
  /** The packages in Unlatch that others made, and their licences, with a line of hyphens between two. */
  thirdPartyNotices(): Promise<string>;
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
    hold: null,
    help: null,
    at: null,
    keychain: null,
    journal: null,
  };
}
