import {
  failure,
  type AccountView,
  type Backend,
  type CommandError,
  type PlanView,
} from '../backend/backend';
import type { RunView } from '../backend/backend';
import { LeftOut } from './left-out.svelte';
import { Search } from './search.svelte';
import { Selection } from './selection.svelte';

export type View =
  | { name: 'desk' }
  | { name: 'confirm'; plan: PlanView }
  | { name: 'run'; runId: string; from: 'desk' | 'history'; at?: number }
  | { name: 'history' }
  | { name: 'settings' }
  | { name: 'about' }
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
  /** The last run that started here: what was selected for it can be had back. */
  started: string | null = null;

  /** What the review leaves out. It outlasts the review, until a run starts or nothing is selected. */
  readonly leftOut = new LeftOut();
  /** The reason or ticket that was given in the review; it lasts as long. */
  reason = $state('');

  readonly selection: Selection;
  readonly search: Search;
  /** Whether something may have changed that was not followed from here. */
  #away = true;

  /** `registration` is the tenant and the application that the desk was made for. */
  constructor(
    readonly registration: string,
    backend: Backend,
    tell: (desk: DeskState, error: CommandError, again: () => void) => boolean,
  ) {
    this.selection = new Selection(backend, (thrown) => {
      const error = failure(thrown);
      if (error.code === 'superseded') this.search.table.refresh();
      else if (!tell(this, error, () => void this.selection.refresh())) this.problem = error;
    });
    this.search = new Search(backend, this.selection, {
      failed: (error, again) => tell(this, error, again),
      answered: () => (this.trouble = null),
    });
    $effect.root(() => {
      $effect(() => {
        if (this.selection.size === 0) this.#forgetReview();
      });
    });
  }

  #forgetReview(): void {
    this.leftOut.clear();
    this.reason = '';
  }

  /** A run started: the engine took what it was for out of the selection. It is shown unless a person has turned to something else. */
  began({ summary }: RunView, show: boolean): void {
    this.started = summary.id;
    this.#forgetReview();
    void this.selection.refresh();
    if (!show) return;
    this.detail = null;
    this.view = { name: 'run', runId: summary.id, from: 'desk' };
  }

  /** Another desk is shown, or none: nothing is asked and no answer is taken any more. */
  pause(): void {
    this.#away = true;
    this.search.pause();
  }

  /** It is shown again. */
  resume(): void {
    this.search.resume();
    if (!this.#away || this.account === null) return;
    this.#away = false;
    void this.selection.refresh();
    this.search.table.refresh();
  }

  /** Nobody may look: a review is left, because what it holds may have changed until somebody looks again. */
  lock(): void {
    this.pause();
    if (this.view.name === 'confirm') this.view = { name: 'desk' };
  }
}
