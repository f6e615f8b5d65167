import type { AccountView, AppStatus, PlaceView } from '../backend/backend';
import { m } from '../paraglide/messages';
import { visible } from './visible';

/** The tenant that is behind the window. */
export function shownPlace(status: AppStatus | null): PlaceView | null {
  return status?.places.find((place) => place.id === status.place) ?? null;
}

/** The tenant that the settings name. Further ones come after it. */
export function firstPlace(status: AppStatus | null): PlaceView | null {
  return status?.places.find((place) => place.mode !== 'demo') ?? null;
}

/** Whether one tenant could be taken for another. */
export function hasSeveralTenants(status: AppStatus | null): boolean {
  return (status?.places.filter((place) => place.mode === 'tenant').length ?? 0) > 1;
}

/** What the tenant was named by, or its id where the name says as much already; nothing for the demo tenant. */
export function tenantMark(place: PlaceView | null, account: AccountView): string {
  if (place?.mode !== 'tenant') return '';
  const mark = place.tenant === account.tenantName ? account.tenantId : place.tenant;
  return mark === account.tenantName ? '' : visible(mark);
}

export function placeName(place: PlaceView): string {
  if (place.account) return visible(place.account.tenantName);
  if (place.mode === 'demo') return m.demo_ribbon();
  return place.tenant === '' ? m.place_none() : visible(place.tenant);
}

/** Who is signed in there, or that nobody is. */
export function placeAccount(place: PlaceView): string {
  return place.signedIn && place.account ? visible(place.account.username) : m.place_signed_out();
}

/** Whether two sign-ins are the same person in the same tenant. */
export function samePerson(one: AccountView, other: AccountView): boolean {
  return one.tenantId === other.tenantId && one.username === other.username;
}

/** Where the settings lead: another registration has other people and devices. */
export function registrationKey(status: AppStatus): string {
  const place = shownPlace(status);
  const { tenant, clientId, cloud } = status.settings;
  // The settings name the first tenant; the others never change.
  const further = place !== null && place.mode === 'tenant' && place.id !== firstPlace(status)?.id;
  const named = further ? [place.tenant] : [tenant, clientId, cloud];
  return JSON.stringify([status.mode, ...named]);
}

/** What the user's own file gets wrong is put right in the window; what policy gets wrong is not. */
export function policyBroken({ configProblem, settings }: AppStatus): boolean {
  return configProblem !== null && configProblem.file !== settings.configFile;
}

/** Whether a person is led through naming the first tenant. */
export function isFirstRun(status: AppStatus): boolean {
  const { locked } = status.settings;
  const fixed = locked.includes('tenant') && locked.includes('client_id');
  return status.mode === 'unconfigured' && !policyBroken(status) && !fixed;
}
