import { z } from "zod";
import { batchOptionsSchema } from "../batch-options.ts";
import { endpointSchema } from "../endpoint.ts";
import {
  batchSchema,
  errorListSchema,
  historySchema,
  operationBegunSchema,
  operationSchema,
  sampleListSchema,
} from "./batches.ts";
import { type errorAnswerSchema, listOf } from "./common.ts";
import { cutoverSchema } from "./cutover.ts";
import {
  endpointAnswerSchema,
  endpointListSchema,
  endpointUsageSchema,
  serverConfirmedSchema,
} from "./endpoints.ts";
import { reportListSchema, uploadCheckSchema } from "./files.ts";
import {
  folderActedSchema,
  mailboxDetailsSchema,
  mailboxListSchema,
  skippedItemSchema,
} from "./mailboxes.ts";
import { noticeListSchema } from "./notices.ts";
import {
  actionBody,
  actionParams,
  approvalBody,
  batchParams,
  checkQuery,
  confirmationBody,
  cutoverQuery,
  deleteQuery,
  discoverQuery,
  endpointParams,
  folderParams,
  forgetBody,
  historyQuery,
  mailboxActionParams,
  mailboxesQuery,
  mailboxParams,
  operationParams,
  reportParams,
  serverBody,
  skippedQuery,
  targetTestParams,
  templateParams,
  testUserBody,
  undoBody,
  uploadParams,
} from "./requests.ts";
import type { RouteName } from "./routes.ts";
import { discoverySchema, endpointTestSchema } from "./servers.ts";
import { healthSchema, meSchema } from "./service.ts";
import { targetTestRequestSchema, targetTestSchema } from "./target-test.ts";
import { batchVerificationSchema, verificationBody } from "./verification.ts";

/** A body that is no JSON, or none at all. */
export type OtherContent = "text/csv" | "none";

/** What a route takes and what it answers. */
export interface Contract {
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** A body in JSON. */
  readonly json?: z.ZodType;
  /** True if the body may be, or is, a CSV. */
  readonly takesCsv?: boolean;
  /** By status; others are {@link errorAnswerSchema}. */
  readonly answers: Readonly<Record<number, z.ZodType | OtherContent>>;
  /** True if its answer has an ETag and `If-None-Match` is heard. */
  readonly tagged?: boolean;
}

const batchOptionsBody = batchOptionsSchema.meta({ id: "BatchOptions" });
const begun = { 202: operationBegunSchema } as const;

/** What every route takes and answers: the source of the OpenAPI document, and what tests hold answers to. */
export const contracts: Readonly<Record<RouteName, Contract>> = {
  "batches-list": { answers: { 200: listOf(batchSchema).meta({ id: "BatchList" }) }, tagged: true },
  "batches-get": { params: batchParams, answers: { 200: batchSchema }, tagged: true },
  "batches-patch": {
    params: batchParams,
    json: batchOptionsBody,
    answers: { 200: batchSchema },
  },
  "batches-history": { params: batchParams, query: historyQuery, answers: { 200: historySchema } },
  "batches-samples": { params: batchParams, answers: { 200: sampleListSchema } },
  "batches-errors": { params: batchParams, answers: { 200: errorListSchema } },
  "batches-delete": { params: batchParams, query: deleteQuery, answers: begun },
  "batches-act": { params: actionParams, json: actionBody.optional(), answers: begun },
  "batches-approve": { params: batchParams, json: approvalBody.optional(), answers: begun },
  "batches-undo": { params: batchParams, json: undoBody, answers: begun },
  "batches-forget": { params: batchParams, json: forgetBody, answers: begun },
  "operations-list": {
    params: batchParams,
    answers: { 200: listOf(operationSchema).meta({ id: "OperationList" }) },
  },
  "operations-get": { params: operationParams, answers: { 200: operationSchema } },
  "mailboxes-list": {
    params: batchParams,
    query: mailboxesQuery,
    answers: { 200: mailboxListSchema },
    tagged: true,
  },
  "mailboxes-get": { params: mailboxParams, answers: { 200: mailboxDetailsSchema } },
  "mailboxes-skipped": {
    params: mailboxParams,
    query: skippedQuery,
    answers: { 200: listOf(skippedItemSchema).meta({ id: "SkippedItemList" }) },
  },
  "mailboxes-act": { params: mailboxActionParams, answers: begun },
  "mailboxes-delete": { params: mailboxParams, answers: begun },
  "folders-act": { params: folderParams, answers: { 202: folderActedSchema } },
  "cutover-get": { params: batchParams, query: cutoverQuery, answers: { 200: cutoverSchema } },
  "cutover-confirm": { params: batchParams, json: confirmationBody, answers: { 204: "none" } },
  "verification-begin": {
    params: batchParams,
    json: verificationBody.meta({ id: "VerificationRequest" }),
    answers: { 202: operationBegunSchema },
  },
  "verification-get": { params: batchParams, answers: { 200: batchVerificationSchema } },
  "templates-get": { params: templateParams, answers: { 200: "text/csv" } },
  "uploads-put": {
    params: uploadParams,
    json: batchOptionsBody,
    takesCsv: true,
    answers: { 202: "none" },
  },
  "uploads-check": {
    params: uploadParams,
    query: checkQuery,
    takesCsv: true,
    answers: { 200: uploadCheckSchema },
  },
  "notices-list": { params: batchParams, answers: { 200: noticeListSchema } },
  "reports-list": { params: batchParams, answers: { 200: reportListSchema } },
  "reports-get": { params: reportParams, answers: { 200: "text/csv" } },
  "endpoints-list": { answers: { 200: endpointListSchema } },
  "endpoints-get": { params: endpointParams, answers: { 200: endpointAnswerSchema } },
  "endpoints-put": {
    params: endpointParams,
    json: endpointSchema.meta({ id: "EndpointSettings" }),
    answers: { 200: endpointAnswerSchema, 201: endpointAnswerSchema },
  },
  "endpoints-delete": { params: endpointParams, answers: { 204: "none" } },
  "endpoints-usage": { params: endpointParams, answers: { 200: endpointUsageSchema } },
  "endpoints-confirm": { params: endpointParams, json: serverBody, answers: { 202: serverConfirmedSchema } },
  "endpoints-test": {
    params: endpointParams,
    json: testUserBody.optional(),
    answers: { 200: endpointTestSchema },
  },
  discover: { query: discoverQuery, answers: { 200: discoverySchema } },
  "target-test": { json: targetTestRequestSchema, answers: { 202: targetTestSchema } },
  "target-test-get": { params: targetTestParams, answers: { 200: targetTestSchema } },
  me: { answers: { 200: meSchema } },
  health: { answers: { 200: "none", 503: "none" } },
  "health-details": { answers: { 200: healthSchema } },
  openapi: { answers: { 200: z.record(z.string(), z.unknown()) } },
};
