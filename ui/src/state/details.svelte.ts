import { failure, type Backend, type CommandError, type DeviceDetails } from '../backend/backend';

/** What is known of the device beside the table. Answers for an earlier one are dropped. */
export class Details {
  found = $state.raw<DeviceDetails | null>(null);
  problem = $state.raw<CommandError | null>(null);
  reading = $state(false);

  #id: string | null = null;
  #turn = 0;

  constructor(readonly backend: Backend) {}

  open(deviceId: string): void {
    this.#id = deviceId;
    this.found = null;
    void this.read();
  }

  async read(): Promise<void> {
    if (this.#id === null) return;
    const turn = ++this.#turn;
    this.reading = true;
    this.problem = null;
    try {
      const found = await this.backend.deviceDetails(this.#id);
      if (turn !== this.#turn) return;
      this.found = found;
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.problem = failure(thrown);
    }
    this.reading = false;
  }

  leave(): void {
    this.#turn += 1;
    this.#id = null;
  }
}
