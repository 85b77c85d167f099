import { z } from 'zod';

/** What is used of the brokers' answers, as the library gives them: its types say nothing of those that come as an error. */
export const metadataAnswer = z.object({
  brokers: z.array(z.object({ nodeId: z.int(), host: z.string(), port: z.int() })),
  topics: z.array(
    z.object({
      errorCode: z.int(),
      name: z.string().nullable(),
      partitions: z.array(z.object({ partitionIndex: z.int(), leaderId: z.int() })),
    }),
  ),
});

export const produceAnswer = z.object({
  responses: z.array(
    z.object({
      partitionResponses: z.array(
        z.object({
          index: z.int(),
          errorCode: z.int(),
          errorMessage: z.string().nullish(),
          recordErrors: z.array(z.object({ batchIndexErrorMessage: z.string().nullish() })).optional(),
        }),
      ),
    }),
  ),
});

export const identityAnswer = z.object({ producerId: z.bigint(), producerEpoch: z.int() });
