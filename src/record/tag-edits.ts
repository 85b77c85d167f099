import { z } from 'zod';

/** Of an origin, and of tags that are added: label → value. */
export const tagsSchema = z.record(z.string(), z.string());

/** `TagEdits` (model/batch.ts), as headers and files hold it. */
export const tagEditsSchema = z.object({
  add: tagsSchema.optional(),
  drop: z.array(z.string()).optional(),
  dropFields: z.array(z.string()).optional(),
});
