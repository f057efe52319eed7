import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from "@fluentui/react-components";
import { MoreIcon } from "@fluentui/react-icons";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { contentId } from "../frame/content-id.ts";
import { offersOf } from "./actions.ts";
import { useBatchAction } from "./use-batch-action.ts";

/** The actions of one row as a menu, open from the start; within the content, where readers of landmarks find it. */
export default function OpenMenu({ batch }: { batch: BatchView }) {
  const act = useBatchAction();
  const mayOperate = useMayOperate();
  return (
    <Menu defaultOpen mountNode={document.getElementById(contentId)}>
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" icon={<MoreIcon />} aria-label={`Actions of ${batch.name}`} />
      </MenuTrigger>
      <MenuPopover className="menu">
        <MenuList>
          {offersOf(batch, mayOperate).map(({ action, label, refused }) => (
            <MenuItem
              key={action}
              disabled={refused !== undefined}
              subText={refused ?? null}
              // By then the menu has given the focus back to its button, and so can what is asked.
              onClick={() => requestAnimationFrame(() => void act(action, batch))}
            >
              {label}
            </MenuItem>
          ))}
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
