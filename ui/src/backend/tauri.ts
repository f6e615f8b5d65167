import { Channel } from '@tauri-apps/api/core';

import { BackendError, type Backend } from './backend';
import { commands, type CommandError, type RunProgress, type WindowNotice } from './bindings';

type Result<T> = { status: 'ok'; data: T } | { status: 'error'; error: CommandError };

async function value<T>(call: Promise<Result<T>>): Promise<T> {
  const result = await call;
  if (result.status === 'error') throw new BackendError(result.error);
  return result.data;
}

/** The engine behind the packaged window. */
export const tauriBackend: Backend = {
  appStatus: () => value(commands.appStatus()),
  startDemo: () => value(commands.startDemo()),
  leaveDemo: () => value(commands.leaveDemo()),
  signIn: () => value(commands.signIn()),
  cancelSignIn: async () => void (await value(commands.cancelSignIn())),
  signOut: () => value(commands.signOut()),
  saveSettings: (input) => value(commands.saveSettings(input)),
  watchWindow: async (onNotice) => {
    const channel = new Channel<WindowNotice>();
    channel.onmessage = onNotice;
    await value(commands.watchWindow(channel));
  },
  findUsers: (text) => value(commands.findUsers(text)),
  devicesOfUser: (userId) => value(commands.devicesOfUser(userId)),
  findApps: (text) => value(commands.findApps(text)),
  devicesWithApp: (appId) => value(commands.devicesWithApp(appId)),
  findDevices: (text) => value(commands.findDevices(text)),
  planRun: (selection) => value(commands.planRun(selection)),
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
  exportRun: (runId, format, language) => value(commands.exportRun(runId, format, language)),
  verifyJournal: () => value(commands.verifyJournal()),
};
