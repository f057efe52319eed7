export const toasterId = "toasts";
