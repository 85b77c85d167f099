/**
 * Why an attempt did not go through, for counting (`reason` of `meshbridge_output_retries_total`); the `reason` of a result
 * is the sentence for people.
 */
export type RetryCause =
  | 'unreachable' // no connection, or it broke before the answer
  | 'timeout' // no answer within the output's `timeout`
  | 'busy' // the far side asks to come later: HTTP 408, 425, 429, 503
  | 'server_error' // any other 5xx
  | 'misconfigured' // the address or the credentials are wrong: HTTP 3xx, 401–405, 407
  | 'local' // this machine does not take it: a disk, a pipe
  | 'failed'; // the output broke, or said no more
