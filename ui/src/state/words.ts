import type {
  CommandError,
  DeviceField,
  DeviceRow,
  DeviceWarning,
  ErrorCode,
  FoundView,
  ItemReason,
  ItemState,
  ItemView,
  JournalTrouble,
  KeychainView,
  RouteView,
  RunState,
} from '../backend/backend';
import type { IconName } from '../components/icons';
import { m } from '../paraglide/messages';
import { isolated } from './bidi';
import { clock } from './clock.svelte';
import { actionState, agentText, foundStateText, managementStateText } from './device-words';
import { daysSince, exactTime, number } from './format';
import { helpWords } from './help-words';
import { holdNext, holdText, longHold } from './hold';
import { visible } from './visible';

/** What happened, and what a person does about it. */
export interface Words {
  what: () => string;
  next: () => string;
}

export const errorWords: Record<ErrorCode, Words> = {
  signedOut: { what: m.error_signed_out, next: m.error_signed_out_next },
  signInCancelled: { what: m.error_sign_in_cancelled, next: m.error_sign_in_cancelled_next },
  signInTimedOut: { what: m.error_sign_in_timed_out, next: m.error_sign_in_timed_out_next },
  signInRefused: { what: m.error_sign_in_refused, next: m.error_sign_in_refused_next },
  personalAccount: { what: m.error_personal_account, next: m.error_personal_account_next },
  wrongTenant: { what: m.error_wrong_tenant, next: m.error_wrong_tenant_next },
  unknownTenant: { what: m.error_unknown_tenant, next: m.error_unknown_tenant_next },
  unknownClient: { what: m.error_unknown_client, next: m.error_unknown_client_next },
  noBrowser: { what: m.error_no_browser, next: m.error_no_browser_next },
  offline: { what: m.error_offline, next: m.error_offline_next },
  intermediary: { what: m.error_intermediary, next: m.error_intermediary_next },
  tls: { what: m.error_tls, next: m.error_tls_next },
  throttled: { what: m.error_throttled, next: m.error_throttled_next },
  notAllowed: { what: m.error_not_allowed, next: m.error_not_allowed_next },
  missingScope: { what: m.error_missing_scope, next: m.error_missing_scope_next },
  consentNeeded: { what: m.error_consent_needed, next: m.error_consent_needed_next },
  outOfScopeTags: { what: m.error_out_of_scope_tags, next: m.error_out_of_scope_tags_next },
  noLicence: { what: m.error_no_licence, next: m.error_no_licence_next },
  locked: { what: m.error_locked, next: m.error_locked_next },
  tenantKnown: { what: m.error_tenant_known, next: m.error_tenant_known_next },
  forbidden: { what: m.error_forbidden, next: m.error_forbidden_next },
  notFound: { what: m.error_not_found, next: m.error_not_found_next },
  badAnswer: { what: m.error_bad_answer, next: m.error_bad_answer_next },
  service: { what: m.error_service, next: m.error_service_next },
  invalidInput: { what: m.error_invalid_input, next: m.error_invalid_input_next },
  keychain: { what: m.error_keychain, next: m.error_keychain_next },
  journal: { what: m.error_journal, next: m.error_journal_next },
  journalWentBack: { what: m.error_journal_went_back, next: m.error_journal_went_back_next },
  planMismatch: { what: m.error_plan_mismatch, next: m.error_plan_mismatch_next },
  deviceInRun: { what: m.error_device_in_run, next: m.error_device_in_run_next },
  otherAccount: { what: m.error_other_account, next: m.error_other_account_next },
  runMovedOn: { what: m.error_run_moved_on, next: m.error_run_moved_on_next },
  report: { what: m.error_report, next: m.error_report_next },
  runUnderWay: { what: m.error_run_under_way, next: m.error_run_under_way_next },
  superseded: { what: m.error_superseded, next: m.error_superseded_next },
  config: { what: m.error_config, next: m.error_config_next },
  internal: { what: m.error_internal, next: m.error_internal_next },
};

export type Tone = 'neutral' | 'accent' | 'good' | 'warn' | 'bad';

export const itemWords: Record<ItemState, Words & { icon: IconName; tone: Tone }> = {
  waiting: { what: m.item_waiting, next: m.item_waiting_next, icon: 'clock', tone: 'neutral' },
  sending: { what: m.item_sending, next: m.item_sending_next, icon: 'up', tone: 'accent' },
  accepted: { what: m.item_accepted, next: m.item_accepted_next, icon: 'accepted', tone: 'accent' },
  done: { what: m.item_done, next: m.item_done_next, icon: 'done', tone: 'good' },
  failed: { what: m.item_failed, next: m.item_failed_next, icon: 'cross', tone: 'bad' },
  notSupported: { what: m.item_not_supported, next: m.item_not_supported_next, icon: 'barred', tone: 'warn' },
  canceled: { what: m.item_canceled, next: m.item_canceled_next, icon: 'minus', tone: 'warn' },
  other: { what: m.item_other, next: m.item_other_next, icon: 'question', tone: 'warn' },
  refused: { what: m.item_refused, next: m.reason_other_next, icon: 'cross', tone: 'bad' },
  stopped: { what: m.item_stopped, next: m.reason_other_next, icon: 'stop', tone: 'bad' },
  unconfirmed: { what: m.item_unconfirmed, next: m.item_unconfirmed_next, icon: 'question', tone: 'warn' },
  notSent: { what: m.item_not_sent, next: m.item_not_sent_next, icon: 'minus', tone: 'neutral' },
};

export const reasonWords: Record<ItemReason, Words> = {
  roleDenied: { what: m.reason_role_denied, next: m.reason_role_denied_next },
  missingScope: { what: m.reason_missing_scope, next: m.reason_missing_scope_next },
  outOfScopeTags: { what: m.reason_out_of_scope_tags, next: m.reason_out_of_scope_tags_next },
  noLicence: { what: m.reason_no_licence, next: m.reason_no_licence_next },
  notFound: { what: m.reason_not_found, next: m.reason_not_found_next },
  changed: { what: m.reason_changed, next: m.reason_changed_next },
  removalPending: { what: m.reason_removal_pending, next: m.reason_removal_pending_next },
  alreadyPending: { what: m.reason_already_pending, next: m.reason_already_pending_next },
  alreadySent: { what: m.reason_already_sent, next: m.reason_already_sent_next },
  noMdmChannel: { what: m.reason_no_mdm_channel, next: m.reason_no_mdm_channel_next },
  notRead: { what: m.reason_not_read, next: m.reason_not_read_next },
  badRequest: { what: m.reason_bad_request, next: m.reason_bad_request_next },
  throttled: { what: m.reason_throttled, next: m.reason_throttled_next },
  notConnected: { what: m.reason_not_connected, next: m.reason_not_connected_next },
  intermediary: { what: m.reason_intermediary, next: m.reason_intermediary_next },
  signInNeeded: { what: m.reason_sign_in_needed, next: m.reason_sign_in_needed_next },
  journalFailed: { what: m.reason_journal_failed, next: m.reason_journal_failed_next },
  expired: { what: m.reason_expired, next: m.reason_expired_next },
  other: { what: m.reason_other, next: m.reason_other_next },
};

export const runWords: Record<RunState, { short: () => string; long: () => string }> = {
  starting: { short: m.run_short_starting, long: m.run_state_starting },
  active: { short: m.run_short_active, long: m.run_state_active },
  cancelling: { short: m.run_short_cancelling, long: m.run_state_cancelling },
  signInNeeded: { short: m.run_short_sign_in_needed, long: m.run_state_sign_in_needed },
  finished: { short: m.run_short_finished, long: m.run_state_finished },
  cancelled: { short: m.run_short_cancelled, long: m.run_state_cancelled },
  interrupted: { short: m.run_short_interrupted, long: m.run_state_interrupted },
  journalFailed: { short: m.run_short_journal_failed, long: m.run_state_journal_failed },
};

/** Where the sign-in is kept, or why it is not. */
export const keychainWords: Record<KeychainView, () => string> = {
  kept: m.keychain_kept,
  locked: m.keychain_locked,
  absent: m.keychain_absent,
  denied: m.keychain_denied,
  noAnswer: m.keychain_no_answer,
  vanished: m.keychain_vanished,
  forbidden: m.keychain_forbidden,
  failed: m.keychain_failed,
  notUsed: m.keychain_not_used,
};

export const warningKindWords: Record<DeviceWarning['kind'], () => string> = {
  removalPending: m.warning_kind_removal_pending,
  noMdmChannel: m.warning_kind_no_mdm_channel,
  personal: m.warning_kind_personal,
  neverSeen: m.warning_kind_never_seen,
  silent: m.warning_kind_silent,
};

/** What is the matter with the journal. */
const journalWords: Record<JournalTrouble, Words> = {
  readOnly: { what: m.error_journal_read_only, next: m.error_journal_read_only_next },
  damaged: { what: m.error_journal_damaged, next: m.error_journal_damaged_next },
  newer: { what: m.error_journal_newer, next: m.error_journal_newer_next },
  oldCopy: { what: m.error_journal_old_copy, next: m.error_journal_old_copy_next },
  inUse: { what: m.error_journal_in_use, next: m.error_journal_in_use_next },
  noLocks: { what: m.error_journal_no_locks, next: m.error_journal_no_locks_next },
  full: { what: m.error_journal_full, next: m.error_journal_full_next },
};

/** Whether the keychain lets a sign-in outlast the window. */
export function isKept(keychain: KeychainView): boolean {
  return keychain === 'kept' || keychain === 'notUsed';
}

/** Where the sign-in is kept and how long it lasts. */
export function keychainText(keychain: KeychainView): string {
  const words = keychainWords[keychain]();
  return isKept(keychain) ? words : `${words} ${m.keychain_until_closed()}`;
}

/** The words for what Entra refused or what is the matter with the keychain or the journal, if that is known; those for the kind of failure otherwise. */
export function wordsFor(error: CommandError): Words {
  const hold = longHold(error);
  if (hold) return { what: () => holdText(hold), next: () => holdNext(hold) };
  if (error.help) return helpWords[error.help];
  if (error.journal) return journalWords[error.journal];
  if (error.code !== 'keychain' || error.keychain === null || isKept(error.keychain))
    return errorWords[error.code];
  const next = error.keychain === 'locked' ? m.error_keychain_next : m.error_keychain_next_other;
  return { what: keychainWords[error.keychain], next };
}

export function errorText(error: CommandError): string {
  const words = wordsFor(error);
  return `${words.what()} ${words.next()}`;
}

export function warningText(warning: DeviceWarning): string {
  switch (warning.kind) {
    case 'silent':
      return m.warning_silent({ days: warning.days });
    case 'neverSeen':
      return m.warning_never_seen();
    case 'personal':
      return m.warning_personal();
    case 'removalPending':
      return m.warning_removal_pending({ state: isolated(managementStateText(warning.state)) });
    case 'noMdmChannel':
      return m.warning_no_mdm_channel({ agent: isolated(agentText(warning.agent)) });
  }
}

/** The warnings of a device. Its silence is counted by the same clock as its last contact, so that both agree. */
export function warningsText(device: DeviceRow): string {
  return device.warnings
    .map((warning) =>
      warning.kind === 'silent' && device.lastContact !== null
        ? warningText({ ...warning, days: daysSince(device.lastContact, clock()) ?? warning.days })
        : warningText(warning),
    )
    .join(' · ');
}

export function routeText(route: RouteView): string {
  switch (route.kind) {
    case 'user':
      return m.route_user({ label: isolated(visible(route.label)) });
    case 'app':
      return m.route_app({ label: isolated(visible(route.label)) });
    case 'direct':
      return m.route_direct();
  }
}

/** What a selection is grouped by: where the device was found. */
export function routeLabel(route: RouteView): string {
  return route.kind === 'direct' ? m.tray_direct() : visible(route.label);
}

/** Values that Graph adds later are shown as they are. */
export function ownerText(owner: string): string {
  if (owner === 'company') return m.owner_company();
  if (owner === 'personal') return m.owner_personal();
  return owner === 'unknown' || owner === '' ? m.owner_unknown() : visible(owner);
}

export function systemText(device: DeviceRow): string {
  return visible([device.operatingSystem, device.osVersion].filter(Boolean).join(' ')) || m.unknown();
}

const fieldWords: Record<DeviceField, () => string> = {
  id: m.report_device_id,
  name: m.col_name,
  serial: m.col_serial,
  user: m.col_user,
};

/** What was found of a device that kept it from being sent to. What differs is what a person fears most, so it is named. */
function foundText(found: FoundView): string {
  switch (found.kind) {
    case 'differences': {
      const value = (text: string | null) => (text === null ? m.none() : `“${isolated(visible(text))}”`);
      const difference = found.differences
        .map(({ field, then, now }) => `${fieldWords[field]()}: ${value(then)} → ${value(now)}`)
        .join('; ');
      return m.reason_changed_to({ difference });
    }
    case 'state':
      return m.report_found_state({ state: isolated(foundStateText(found.state)) });
    case 'pending':
      return sentences(
        found.since && m.report_pending_since({ time: exactTime(found.since) }),
        found.by && m.report_pending_by({ account: isolated(visible(found.by)) }),
      );
    case 'sent':
      return sentences(
        m.found_sent({ state: isolated(actionState(found.state).words) }),
        found.since && m.found_started({ time: exactTime(found.since) }),
        found.by && m.report_pending_by({ account: isolated(visible(found.by)) }),
      );
  }
}

function sentences(...parts: (string | null)[]): string {
  return parts.filter(Boolean).join(' ');
}

/** Why an item stands where it does. */
function whyText(item: ItemView, why: Words): string {
  const found = item.found ? foundText(item.found) : '';
  // Runs of earlier versions have what differs as a text.
  if (item.reason === 'changed') {
    return (
      found ||
      (item.message ? m.reason_changed_to({ difference: isolated(visible(item.message)) }) : why.what())
    );
  }
  return [why.what(), found].filter(Boolean).join(' ');
}

/** Whether its answer came from something between Unlatch and Graph. */
function isAnsweredBetween({ state, reason, status }: ItemView): boolean {
  return state === 'unconfirmed' && reason === 'intermediary' && status !== null;
}

/** Whether it stands where it stood with an earlier request, because a second one was stopped or refused. */
export function isStoppedAgain(item: ItemView): boolean {
  const mayHaveArrived = ['accepted', 'other', 'unconfirmed'].includes(item.state);
  return mayHaveArrived && item.reason !== null && !isAnsweredBetween(item);
}

/** The state of an item, and some sentences on why and what to do next. `countdown`: a person had it sent again, and so many seconds pass before. */
export function itemText(item: ItemView, countdown: number | null = null): { state: string; next: string } {
  const words = itemWords[item.state];
  const why = item.reason ? reasonWords[item.reason] : null;
  const state = words.what();
  if (isAnsweredBetween(item)) {
    const what = m.item_unconfirmed_intermediary({ status: String(item.status) });
    return { state, next: sentences(what, m.item_unconfirmed_intermediary_next()) };
  }
  if (why && isStoppedAgain(item)) {
    const first = item.gaveUp ? m.item_gave_up() : words.next();
    // The newest comes first, as a row has room for two lines.
    const next = sentences(m.item_again_stopped({ why: whyText(item, why) }), why.next(), first);
    return { state, next };
  }
  if (item.gaveUp) return { state, next: m.item_gave_up() };
  if (why) return { state, next: sentences(whyText(item, why), why.next()) };
  if (countdown !== null) {
    return { state, next: m.item_again_waiting({ seconds: number(countdown), stop: m.cancel_run() }) };
  }
  if (item.message === null) return { state, next: words.next() };
  const message = isolated(visible(item.message));
  if (item.state === 'other')
    return { state, next: sentences(m.item_other_said({ state: message }), words.next()) };
  return { state, next: sentences(words.next(), m.device_said({ message })) };
}
