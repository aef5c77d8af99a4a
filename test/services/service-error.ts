/** Why an engine cannot be had, in one line that also says how to get it. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
}
