/** Of the element that holds the view. */
export const contentId = "content";
