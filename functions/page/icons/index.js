import { createContext, createElement } from "react";

/*
 * Stands in for @fluentui/react-icons, which is 174 MB in 47,000 files: the page draws its own. An icon is one or more
 * strokes on a field of 20 by 20.
 */

/** Where Fluent UI marks the two forms of a bundled icon; here there is one form. */
export const iconFilledClassName = "fui-Icon-filled";
export const iconRegularClassName = "fui-Icon-regular";

/** @param {unknown} _filled @param {any} regular */
export const bundleIcon = (_filled, regular) => regular;

export const IconDirectionContextProvider = createContext({}).Provider;

const shapes = {
  add: "M10 4v12M4 10h12",
  arrowClockwise: "M16 10a6 6 0 1 1-1.9-4.4L16 7.3M16 3.5v3.8h-3.8",
  arrowDown: "M10 4v12M5.5 11.5 10 16l4.5-4.5",
  arrowDownload: "M10 3v10M6 9.5l4 4 4-4M4 16.5h12",
  arrowLeft: "M16 10H4M8.5 5.5 4 10l4.5 4.5",
  arrowUndo: "M8 4 4 8l4 4M4 8h7.5a4.5 4.5 0 0 1 0 9H8",
  arrowUp: "M10 16V4M5.5 8.5 10 4l4.5 4.5",
  arrowUpload: "M10 13.5v-10M6 7l4-4 4 4M4 16.5h12",
  calendar: "M4 5h12v11H4zM4 8.5h12M7 3v3M13 3v3",
  check: "M4.5 10.5 8.5 14.5 16 6.5",
  checkCircle: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M6.8 10.3l2.2 2.2 4.3-4.6",
  chevronDown: "M5 7.5 10 12.5 15 7.5",
  chevronLeft: "M12.5 5 7.5 10 12.5 15",
  chevronRight: "M7.5 5 12.5 10 7.5 15",
  chevronUp: "M5 12.5 10 7.5 15 12.5",
  circle: "M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13",
  clock: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M10 6v4.2l2.8 1.8",
  copy: "M7 7h9v9H7zM4 13V4h9",
  delete: "M4 5.5h12M8 5.5V4h4v1.5M5.5 5.5l.8 11h7.4l.8-11M8.5 8.5v5M11.5 8.5v5",
  dismiss: "M5 5l10 10M15 5 5 15",
  dismissCircle: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M7.3 7.3l5.4 5.4M12.7 7.3l-5.4 5.4",
  document: "M5 3h7l3.5 3.5V17H5zM12 3v3.5h3.5M7.5 10h5M7.5 13h5",
  edit: "M4 16l.8-3.4L13 4.4a1.6 1.6 0 0 1 2.3 0l.3.3a1.6 1.6 0 0 1 0 2.3L7.4 15.2zM11.6 5.8l2.6 2.6",
  errorCircle: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M10 6v5M10 13.8v.2",
  folder: "M3 5h5l1.5 2H17v9H3z",
  flag: "M5 17V3.5h9.5L12.5 7l2 3.5H5",
  info: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M10 9v5M10 6v.2",
  layers: "M10 3 3 6.8l7 3.8 7-3.8zM3.5 10.2 10 13.7l6.5-3.5M3.5 13.4l6.5 3.5 6.5-3.5",
  lightbulb: "M7.5 13.5a5 5 0 1 1 5 0V15h-5zM8.5 17h3",
  mail: "M3 5h14v10.5H3zM3 6l7 5 7-5",
  moon: "M15.8 12.4A6.7 6.7 0 0 1 7.6 4.2a6.5 6.5 0 1 0 8.2 8.2",
  more: "M4.5 10h.1M10 10h.1M15.5 10h.1",
  navigation: "M3 5.5h14M3 10h14M3 14.5h14",
  pause: "M7 4.5v11M13 4.5v11",
  pauseCircle: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M8 7v6M12 7v6",
  person: "M10 3.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M4 16.5c.5-2.8 3-4.5 6-4.5s5.5 1.7 6 4.500z",
  pin: "M12 3l5 5-4 1-3 4-3-3 4-3zM8.5 11.5 4 16",
  play: "M6 4v12l10-6z",
  playCircle: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M8.3 7v6l4.7-3z",
  print: "M6 8V3.500h8V8M6 13.500H3.500V8h13v5.500H14M6 11.500h8v5H6z",
  prohibited: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M4.8 4.8l10.4 10.4",
  question:
    "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M7.8 8a2.2 2.2 0 1 1 3.3 1.900c-.8.5-1.1.9-1.1 1.800M10 14v.2",
  search: "M8.5 3.5a5 5 0 1 0 0 10 5 5 0 0 0 0-10M12.2 12.2 16.5 16.5",
  server: "M4 3.500h12v5H4zM4 11.500h12v5H4zM7 6h.1M7 14h.1",
  shield:
    "M10 2.800c2 1.5 4 2 6 2.200v5c0 3.5-2.5 6-6 7.200C6.5 16 4 13.5 4 10V5c2-.2 4-.7 6-2.200M7.3 10l2 2 3.5-3.8",
  square: "M4 4h12v12H4z",
  star: "M10 3l2.2 4.5 4.8.7-3.5 3.4.8 4.9-4.3-2.3-4.3 2.3.8-4.900L3 8.200l4.8-.7z",
  stop: "M5 5h10v10H5z",
  sun: "M10 6.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.300l1.5 1.500M14.2 14.200l1.5 1.500M4.3 15.700l1.5-1.500M14.2 5.800l1.5-1.5",
  warning: "M10 3 2.5 16.500h15zM10 8v4M10 14.200v.2",
};

/** @param {keyof typeof shapes} shape */
function icon(shape, strokeWidth = 1.4, size = "1em") {
  /** @param {Record<string, unknown>} props */
  // biome-ignore lint/correctness/noComponentHookFactories: each is made once, when the module is read
  function Icon({ title, primaryFill, filled, ...props }) {
    return createElement(
      "svg",
      {
        viewBox: "0 0 20 20",
        width: size,
        height: size,
        fill: "none",
        stroke: primaryFill ?? "currentColor",
        strokeWidth,
        strokeLinecap: "round",
        strokeLinejoin: "round",
        focusable: false,
        "aria-hidden": title || props["aria-label"] ? undefined : true,
        ...props,
      },
      title ? createElement("title", {}, title) : undefined,
      createElement("path", { d: shapes[shape] }),
    );
  }
  return Icon;
}

/** What the page uses. */
export const AddIcon = /* @__PURE__ */ icon("add");
export const CalendarIcon = /* @__PURE__ */ icon("calendar");
export const CheckIcon = /* @__PURE__ */ icon("checkCircle");
export const ClockIcon = /* @__PURE__ */ icon("clock");
export const CopyIcon = /* @__PURE__ */ icon("copy");
export const DeleteIcon = /* @__PURE__ */ icon("delete");
export const DocumentIcon = /* @__PURE__ */ icon("document");
export const DownloadIcon = /* @__PURE__ */ icon("arrowDownload");
export const EditIcon = /* @__PURE__ */ icon("edit");
export const ErrorIcon = /* @__PURE__ */ icon("errorCircle");
export const FlagIcon = /* @__PURE__ */ icon("flag");
export const FolderIcon = /* @__PURE__ */ icon("folder");
export const BackIcon = /* @__PURE__ */ icon("arrowLeft");
export const BatchIcon = /* @__PURE__ */ icon("layers");
export const FailedIcon = /* @__PURE__ */ icon("dismissCircle");
export const HelpIcon = /* @__PURE__ */ icon("question");
export const InfoIcon = /* @__PURE__ */ icon("info");
export const MailIcon = /* @__PURE__ */ icon("mail");
export const MenuIcon = /* @__PURE__ */ icon("navigation");
export const MoonIcon = /* @__PURE__ */ icon("moon");
export const MoreIcon = /* @__PURE__ */ icon("more", 2.4);
export const NewIcon = /* @__PURE__ */ icon("circle");
export const PauseIcon = /* @__PURE__ */ icon("pauseCircle");
export const PrintIcon = /* @__PURE__ */ icon("print");
export const ServerIcon = /* @__PURE__ */ icon("server");
export const ShieldIcon = /* @__PURE__ */ icon("shield");
export const StartIcon = /* @__PURE__ */ icon("play");
export const StopIcon = /* @__PURE__ */ icon("stop");
export const SunIcon = /* @__PURE__ */ icon("sun");
export const SyncIcon = /* @__PURE__ */ icon("arrowClockwise");
export const UndoIcon = /* @__PURE__ */ icon("arrowUndo");
export const UploadIcon = /* @__PURE__ */ icon("arrowUpload");
export const WarningIcon = /* @__PURE__ */ icon("warning");

/** What Fluent UI's components use, by its names. */
export const ArrowDownRegular = /* @__PURE__ */ icon("arrowDown");
export const ArrowUpRegular = /* @__PURE__ */ icon("arrowUp");
export const Checkmark12Filled = /* @__PURE__ */ icon("check", 2.4, "12px");
export const Checkmark16Filled = /* @__PURE__ */ icon("check", 2.2, "16px");
export const CheckmarkCircle12Filled = /* @__PURE__ */ icon("checkCircle", 2, "12px");
export const CheckmarkCircleFilled = /* @__PURE__ */ icon("checkCircle", 1.8);
export const CheckmarkFilled = /* @__PURE__ */ icon("check", 2);
export const ChevronDown16Regular = /* @__PURE__ */ icon("chevronDown", 1.6, "16px");
export const ChevronDown20Regular = /* @__PURE__ */ icon("chevronDown", 1.4, "20px");
export const ChevronDownRegular = /* @__PURE__ */ icon("chevronDown");
export const ChevronLeftFilled = /* @__PURE__ */ icon("chevronLeft", 2);
export const ChevronLeftRegular = /* @__PURE__ */ icon("chevronLeft");
export const ChevronRight12Regular = /* @__PURE__ */ icon("chevronRight", 1.8, "12px");
export const ChevronRightFilled = /* @__PURE__ */ icon("chevronRight", 2);
export const ChevronRightRegular = /* @__PURE__ */ icon("chevronRight");
export const ChevronUp16Regular = /* @__PURE__ */ icon("chevronUp", 1.6, "16px");
export const CircleFilled = /* @__PURE__ */ icon("circle", 4);
export const DiamondDismiss12Filled = /* @__PURE__ */ icon("errorCircle", 2, "12px");
export const DiamondDismissFilled = /* @__PURE__ */ icon("errorCircle", 1.8);
export const Dismiss12Regular = /* @__PURE__ */ icon("dismiss", 1.8, "12px");
export const Dismiss20Regular = /* @__PURE__ */ icon("dismiss", 1.4, "20px");
export const DismissCircleFilled = /* @__PURE__ */ icon("dismissCircle", 1.8);
export const DismissFilled = /* @__PURE__ */ icon("dismiss", 2);
export const DismissRegular = /* @__PURE__ */ icon("dismiss");
export const Info12Filled = /* @__PURE__ */ icon("info", 2, "12px");
export const Info12Regular = /* @__PURE__ */ icon("info", 1.6, "12px");
export const Info16Filled = /* @__PURE__ */ icon("info", 1.8, "16px");
export const Info16Regular = /* @__PURE__ */ icon("info", 1.4, "16px");
export const Info20Filled = /* @__PURE__ */ icon("info", 1.8, "20px");
export const Info20Regular = /* @__PURE__ */ icon("info", 1.4, "20px");
export const InfoFilled = /* @__PURE__ */ icon("info", 1.8);
export const Lightbulb16Regular = /* @__PURE__ */ icon("lightbulb", 1.4, "16px");
export const MoreHorizontalFilled = /* @__PURE__ */ icon("more", 3);
export const MoreHorizontalRegular = /* @__PURE__ */ icon("more", 2.4);
export const Navigation20Filled = /* @__PURE__ */ icon("navigation", 1.8, "20px");
export const PauseCircleRegular = /* @__PURE__ */ icon("pauseCircle");
export const PersonRegular = /* @__PURE__ */ icon("person");
export const Pin20Regular = /* @__PURE__ */ icon("pin", 1.4, "20px");
export const PlayCircleRegular = /* @__PURE__ */ icon("playCircle");
export const ProhibitedFilled = /* @__PURE__ */ icon("prohibited", 1.8);
export const SearchRegular = /* @__PURE__ */ icon("search");
export const Square12Filled = /* @__PURE__ */ icon("square", 3, "12px");
export const Square16Filled = /* @__PURE__ */ icon("square", 3, "16px");
export const StarFilled = /* @__PURE__ */ icon("star", 2.4);
export const StarRegular = /* @__PURE__ */ icon("star");
export const Warning12Filled = /* @__PURE__ */ icon("warning", 2, "12px");
export const WarningFilled = /* @__PURE__ */ icon("warning", 1.8);

/** Of presence badges, which the page has none of. */
const presence = /* @__PURE__ */ icon("circle", 3);

export {
  presence as PresenceAvailable10Filled,
  presence as PresenceAvailable10Regular,
  presence as PresenceAvailable12Filled,
  presence as PresenceAvailable12Regular,
  presence as PresenceAvailable16Filled,
  presence as PresenceAvailable16Regular,
  presence as PresenceAvailable20Filled,
  presence as PresenceAvailable20Regular,
  presence as PresenceAway10Filled,
  presence as PresenceAway10Regular,
  presence as PresenceAway12Filled,
  presence as PresenceAway12Regular,
  presence as PresenceAway16Filled,
  presence as PresenceAway16Regular,
  presence as PresenceAway20Filled,
  presence as PresenceAway20Regular,
  presence as PresenceBlocked10Regular,
  presence as PresenceBlocked12Regular,
  presence as PresenceBlocked16Regular,
  presence as PresenceBlocked20Regular,
  presence as PresenceBusy10Filled,
  presence as PresenceBusy12Filled,
  presence as PresenceBusy16Filled,
  presence as PresenceBusy20Filled,
  presence as PresenceDnd10Filled,
  presence as PresenceDnd10Regular,
  presence as PresenceDnd12Filled,
  presence as PresenceDnd12Regular,
  presence as PresenceDnd16Filled,
  presence as PresenceDnd16Regular,
  presence as PresenceDnd20Filled,
  presence as PresenceDnd20Regular,
  presence as PresenceOffline10Regular,
  presence as PresenceOffline12Regular,
  presence as PresenceOffline16Regular,
  presence as PresenceOffline20Regular,
  presence as PresenceOof10Regular,
  presence as PresenceOof12Regular,
  presence as PresenceOof16Regular,
  presence as PresenceOof20Regular,
  presence as PresenceUnknown10Regular,
  presence as PresenceUnknown12Regular,
  presence as PresenceUnknown16Regular,
  presence as PresenceUnknown20Regular,
};
