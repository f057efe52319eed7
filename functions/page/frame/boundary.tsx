import {
  Button,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
} from "@fluentui/react-components";
import { Component, type ReactNode } from "react";

interface Props {
  /** Where the reader is: what failed is tried again elsewhere. */
  readonly at: string;
  readonly children: ReactNode;
}

/** Holds what a view throws, such as a part of the page that is not there any more since the application is a newer one. */
export class Boundary extends Component<Props, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidUpdate({ at }: Props) {
    if (this.state.failed && at !== this.props.at) this.setState({ failed: false });
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <MessageBar intent="error" layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>This view cannot be shown</MessageBarTitle>
          The application may be a newer one by now: reload the page. Nothing that was begun is lost by it.
        </MessageBarBody>
        <MessageBarActions>
          <Button onClick={() => location.reload()}>Reload</Button>
        </MessageBarActions>
      </MessageBar>
    );
  }
}
