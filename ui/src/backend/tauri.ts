import { Channel } from '@tauri-apps/api/core';

import { BackendError, type Backend } from './backend';
import {
  commands,
  type CommandError,
  type DeviceCodeView,
  type RunProgress,
  type TableState,
  type WindowNotice,
} from './bindings';

type Result<T> = { status: 'ok'; data: T } | { status: 'error'; error: CommandError };

async function value<T>(call: Promise<Result<T>>): Promise<T> {
  const result = await call;
  if (result.status === 'error') throw new BackendError(result.error);
  return result.data;
}

/** The first thing every window asks, asked at once. */
let first: ReturnType<typeof commands.appStatus> | null = commands.appStatus();

function appStatus(): ReturnType<typeof commands.appStatus> {
  const asked = first ?? commands.appStatus();
  first = null;
  return asked;
}

/** The engine behind the packaged window. */
export const tauriBackend: Backend = {
  appStatus: () => value(appStatus()),
  startDemo: () => value(commands.startDemo()),
  leaveDemo: () => value(commands.leaveDemo()),
  showPlace: (place) => value(commands.showPlace(place)),
  addPlace: (input) => value(commands.addPlace(input)),
  removePlace: (place) => value(commands.removePlace(place)),
  checkTenant: (input) => value(commands.checkTenant(input)),
  setupLinks: (input) => value(commands.setupLinks(input)),
  openSetupLink: async (input, link) => void (await value(commands.openSetupLink(input, link))),
  signIn: (privileged) => value(commands.signIn(privileged)),
  signInWithCode: (privileged, onCode) => {
    const channel = new Channel<DeviceCodeView>();
    channel.onmessage = onCode;
    return value(commands.signInWithCode(privileged, channel));
  },
  cancelSignIn: async () => void (await value(commands.cancelSignIn())),
  signOut: (browser) => value(commands.signOut(browser)),
  touch: async () => void (await value(commands.touch())),
  lockWindow: () => value(commands.lockWindow()),
  unlock: () => value(commands.unlock()),
  saveSettings: (input) => value(commands.saveSettings(input)),
  watchWindow: async (onNotice) => {
    const channel = new Channel<WindowNotice>();
    channel.onmessage = onNotice;
    await value(commands.watchWindow(channel));
  },
  findUsers: (text) => value(commands.findUsers(text)),
  findApps: (text) => value(commands.findApps(text)),
  probeHold: async () => void (await value(commands.probeHold())),
  searchDevices: (question, onChange) => {
    const channel = new Channel<TableState>();
    channel.onmessage = onChange;
    return value(commands.searchDevices(question, channel));
  },
  tableRows: (search, query, from, count) => value(commands.tableRows(search, query, from, count)),
  columnValues: (search, column) => value(commands.columnValues(search, column)),
  selectRows: (search, query, what, on) => value(commands.selectRows(search, query, what, on)),
  unselect: (deviceIds) => value(commands.unselect(deviceIds)),
  clearSelection: () => value(commands.clearSelection()),
  undoClear: () => value(commands.undoClear()),
  putBack: (runId) => value(commands.putBack(runId)),
  trayRows: (grouping, from, count) => value(commands.trayRows(grouping, from, count)),
  planRun: () => value(commands.planRun()),
  startRun: (confirmation) => value(commands.startRun(confirmation)),
  watchRun: (runId, onProgress) => {
    const channel = new Channel<RunProgress>();
    channel.onmessage = onProgress;
    return value(commands.watchRun(runId, channel));
  },
  cancelRun: async (runId) => void (await value(commands.cancelRun(runId))),
  checkOutcomes: (runId) => value(commands.checkOutcomes(runId)),
  listRuns: () => value(commands.listRuns()),
  getRun: (runId) => value(commands.getRun(runId)),
  resumeRun: (runId) => value(commands.resumeRun(runId)),
  discardRun: (runId) => value(commands.discardRun(runId)),
  sendAgain: (runId, position) => value(commands.sendAgain(runId, position)),
  showPasscode: (runId, position) => value(commands.showPasscode(runId, position)),
  copyPasscode: (runId, position) => value(commands.copyPasscode(runId, position)),
  hidePasscode: async () => void (await value(commands.hidePasscode())),
  deviceDetails: (deviceId) => value(commands.deviceDetails(deviceId)),
  searchHistory: (query) => value(commands.searchHistory(query)),
  exportRun: (runId, format, language) => value(commands.exportRun(runId, format, language)),
  verifyJournal: () => value(commands.verifyJournal()),
  answerWentBack: () => value(commands.answerWentBack()),
  thirdPartyNotices: () => value(commands.thirdPartyNotices()),
};
