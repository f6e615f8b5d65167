import type { AccountView, Backend, CommandError, PlanView, RunView } from '../backend/backend';
import { Search } from './search.svelte';
import { Selection, type Held } from './selection.svelte';

export type View =
  | { name: 'desk' }
  | { name: 'confirm'; plan: PlanView }
  | { name: 'run'; runId: string; from: 'desk' | 'history'; at?: number }
  | { name: 'history' }
  | { name: 'settings' }
  | { name: 'addTenant' };

/** A trouble that a banner tells, and what its one button does. */
export interface Trouble {
  error: CommandError;
  again: () => void;
}

/** What a person has in front of them in one tenant. Each tenant and each account has its own; nothing goes from one to another. */
export class DeskState {
  view = $state.raw<View>({ name: 'desk' });
  /** Why the last sign-in, start or settings did not work. */
  problem = $state.raw<CommandError | null>(null);
  trouble = $state.raw<Trouble | null>(null);
  /** The permission to send the action is needed; `problem` says why it was not given, once it was asked for. */
  consent = $state.raw<{ problem: CommandError | null } | null>(null);
  /** The desk stays when a sign-in ends by itself, so that nothing is lost. */
  stays = $state(false);
  /** The device whose details are beside the table. */
  detail = $state<string | null>(null);
  /** The review was left: the desk gives the focus back to the button that opened it. */
  reviewLeft = false;
  /** Whose desk it is; nobody's before the first sign-in. */
  account: AccountView | null = null;
  /** The last run that started here, and what was selected for it. */
  started: { runId: string; kept: ReadonlyMap<string, Held> } | null = null;

  readonly selection = new Selection();
  readonly search: Search;

  /** `registration` is the tenant and the application that the desk was made for. */
  constructor(
    readonly registration: string,
    backend: Backend,
    tell: (desk: DeskState, error: CommandError, again: () => void) => boolean,
  ) {
    this.search = new Search(backend, {
      failed: (error, again) => tell(this, error, again),
      answered: () => (this.trouble = null),
    });
  }

  /** A run started: what it was for is no longer selected. It is shown unless a person has turned to something else. */
  began({ summary, items }: RunView, show: boolean): void {
    this.started = { runId: summary.id, kept: this.selection.kept() };
    this.selection.remove(items.map((item) => item.deviceId));
    if (!show) return;
    this.selection.clear();
    this.view = { name: 'run', runId: summary.id, from: 'desk' };
  }

  /** Nobody may look: a review is left, because what was left out in it would not come back with it. */
  lock(): void {
    this.search.pause();
    if (this.view.name === 'confirm') this.view = { name: 'desk' };
  }
}
