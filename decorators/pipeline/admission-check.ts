/** What else must agree in the step in which a limiter admits a call. */
export interface AdmissionCheck {
  /** Throws when the call may not be admitted now; takes nothing. */
  test(): void;
  /** Takes what the call needs: called in the step in which `test()` has not thrown. */
  commit(): void;
  /** The same for a call that no limiter has admitted. A promise where that takes time. */
  take(): Promise<void> | undefined;
}
