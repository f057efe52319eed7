import {
  Button,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Tooltip,
} from "@fluentui/react-components";
import { MoreIcon } from "@fluentui/react-icons";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { offersOf } from "./actions.ts";
import { useBatchAction } from "./use-batch-action.ts";

/** The actions of one row. */
export function BatchMenu({ batch }: { batch: BatchView }) {
  const act = useBatchAction();
  const mayOperate = useMayOperate();
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" icon={<MoreIcon />} aria-label={`Actions of ${batch.name}`} />
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          {offersOf(batch, mayOperate).map(({ action, label, refused }) => {
            const item = (
              <MenuItem key={action} disabled={refused !== undefined} onClick={() => void act(action, batch)}>
                {label}
              </MenuItem>
            );
            return refused === undefined ? (
              item
            ) : (
              <Tooltip key={action} content={refused} relationship="description" positioning="before">
                {item}
              </Tooltip>
            );
          })}
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
