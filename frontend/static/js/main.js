/** The workbench: fetches the task and puts the parts together. */

import { EditHistory } from "./models/history.js";
import { Outbox } from "./models/outbox.js";
import { ProposalList } from "./models/proposals.js";
import { Timebase } from "./models/timebase.js";
import { ToolSettings } from "./models/tool_settings.js";
import { fromRows, Work } from "./models/work.js";
import { allTools, toolCalled } from "./tools/registry.js";
import { bindAnnouncements } from "./workbench/announce.js";
import { arriving } from "./workbench/arriving.js";
import { Bench } from "./workbench/bench.js";
import { makeCommands } from "./workbench/commands.js";
import { bindDecisions } from "./workbench/decide.js";
import { byId, icon } from "./workbench/dom.js";
import { bindNotices, bindSizes, bindTopBar } from "./workbench/frame_of_page.js";
import { Frames } from "./workbench/frames.js";
import { watchGrammar } from "./workbench/grammar_watch.js";
import { historyStorage } from "./workbench/history_storage.js";
import { bindLive } from "./workbench/live.js";
import { outboxStorage } from "./workbench/outbox_storage.js";
import { bindCarry } from "./workbench/panels/carry.js";
import { bindFlags } from "./workbench/panels/flags.js";
import { bindHelp } from "./workbench/panels/help.js";
import { bindLabels } from "./workbench/panels/labels.js";
import { bindLegend } from "./workbench/panels/legend.js";
import { bindMerge } from "./workbench/panels/merge.js";
import { bindObjects } from "./workbench/panels/objects.js";
import { bindOrigin } from "./workbench/panels/origin.js";
import { bindPeople } from "./workbench/panels/people.js";
import { bindProposals } from "./workbench/panels/proposals.js";
import { bindRemarks } from "./workbench/panels/remarks.js";
import { bindSegment } from "./workbench/panels/segment.js";
import { bindTransfer } from "./workbench/panels/transfer.js";
import { bindView } from "./workbench/panels/view.js";
import { Player } from "./workbench/player.js";
import { bindPlayerBar } from "./workbench/player_bar.js";
import { ProposalMasks } from "./workbench/proposal_masks.js";
import { rove } from "./workbench/roving.js";
import { bindLease, bindSaving, restore, sender } from "./workbench/saving.js";
import { bindSegmentBar } from "./workbench/segment_commands.js";
import { bindShortcuts } from "./workbench/shortcuts.js";
import { Stage } from "./workbench/stage.js";
import { StageInput } from "./workbench/stage_input.js";
import { Timeline } from "./workbench/timeline.js";
import { bindToolBar } from "./workbench/tool_bar.js";
import { bindWhole } from "./workbench/whole.js";

/** @param {Bench} bench @param {Stage} stage */
function makeToolbox(bench, stage) {
  let inHand = toolCalled("select");
  /** @type {StageInput} */
  const input = new StageInput(stage, () => inHand);
  const strip = byId("tools");
  const take = (/** @type {string} */ name) => {
    const tool = toolCalled(name);
    if (tool.writes && bench.readOnly) {
      bench.say(bench.readOnly, "warning");
      return;
    }
    if (tool !== inHand) inHand.disarm?.(bench);
    inHand = tool;
    stage.ornament = (g) => tool.ornament?.(bench, g, stage.hair);
    for (const button of strip.children)
      button.setAttribute("aria-pressed", String(button.getAttribute("data-tool") === name));
    byId("hint").textContent = tool.hint;
    bench.sizeShown = () => tool.size?.(bench) ?? bench.brushSize;
    bench.emit("brush");
    input.showCursor();
    stage.redrawOrnaments();
    tool.arm?.(bench);
  };
  for (const tool of allTools()) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "icon-button", onclick: () => take(tool.name) });
    button.dataset.tool = tool.name;
    button.dataset.command = `tool-${tool.name}`;
    button.setAttribute("aria-label", tool.title);
    button.append(icon(tool.icon));
    strip.append(button);
  }
  bench.on("frame", () => {
    inHand.disarm?.(bench);
    inHand.arm?.(bench);
  });
  bench.on("readonly", () => {
    if (inHand.writes) take("select");
  });
  take("select");
  return { input, toolbox: { take, inHand: () => inHand } };
}

async function start() {
  const id = Number(document.body.dataset.task);
  const [task, times, drawn, proposed] = await Promise.all([
    arriving.task,
    arriving.times,
    arriving.work.then(fromRows),
    arriving.proposals,
  ]);
  const work = new Work();
  work.merge(drawn);
  const proposals = new ProposalList();
  proposals.replace(proposed.items);
  const frames = new Frames(task.clip);
  const player = new Player(frames, new Timebase(times.seconds));
  const user = document.body.dataset.user ?? "";
  const outbox = new Outbox({ task: id, storage: outboxStorage(user, id), send: sender(id) });
  outbox.learn([...drawn.tracks, ...drawn.masks, ...drawn.segments, ...drawn.gone]);
  const history = new EditHistory({ storage: historyStorage(user, id) });
  await history.restore();
  const proposalMasks = new ProposalMasks(task);
  const settings = new ToolSettings(localStorage, `loupe tools ${user}`);
  const bench = new Bench({ task, work, proposals, outbox, history, player, proposalMasks, settings });

  bindNotices(bench);
  bindSaving(bench);
  bindDecisions(bench);
  const stage = new Stage(bench);
  const { input, toolbox } = makeToolbox(bench, stage);
  const keys = makeCommands(bench, stage, input, toolbox);
  bindView(bench, stage, keys);
  bindHelp(keys);
  bindToolBar(bench, keys);
  bindWhole(bench, stage);
  bindShortcuts(keys);
  rove(byId("tools"), "button");
  rove(byId("tool-bar"), "button");
  for (const list of ["proposals", "objects", "remarks", "flags"]) rove(byId(list), ".row-name");
  rove(byId("labels"), "button");
  bindAnnouncements(bench);
  bindTopBar(bench, keys);
  bindSizes();
  bindPlayerBar(bench);
  new Timeline(bench);
  bindSegmentBar(bench, keys);
  bindCarry(bench, stage);
  bindObjects(bench);
  bindLabels(bench);
  bindLegend(bench);
  bindProposals(bench);
  bindOrigin(bench);
  bindSegment(bench);
  bindMerge(bench, stage, keys);
  bindTransfer(bench);
  watchGrammar(bench);
  bindRemarks(bench, stage);
  player.on("wanted", () => proposalMasks.want(player.wanted, player.direction));

  const address = new URLSearchParams(location.search);
  const flag = address.get("flag");
  player.go(Number(address.get("frame") ?? task.frames[0] ?? task.start));
  bindFlags(bench, stage, flag ? Number(flag) : null);
  await restore(bench);
  bindLease(bench);
  bindPeople(bench);
  bindLive(bench);
  bench.drift.follow();
  if (!bench.readOnly) bench.carrying.restore();
  document.body.dataset.ready = "true";
}

start().catch((error) => {
  const notice = byId("notice");
  notice.hidden = false;
  notice.dataset.tone = "error";
  notice.textContent = `The task can't be opened: ${error.message}`;
  throw error;
});
