import type { FakeBackend } from '../../backend/fake';
import type { Person } from '../person';

/** A view in a state: an engine, and what a person does until it is there. */
export interface Scene {
  name: string;
  engine: () => FakeBackend;
  act?: (person: Person, engine: FakeBackend) => Promise<unknown>;
  /** The scene exists in windows of at most this width, if not in all. */
  from?: number;
}
