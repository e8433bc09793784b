// Starts `lora-advisor server` for the languages that training configs are written in. All that is
// said about a config comes from the server.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

const NAME = "lora-advisor";
const LANGUAGES = ["yaml", "json", "jsonc", "toml", "python", "shellscript"];

let client;

/** Replace `${workspaceFolder}` in a part of the command. */
function expanded(part) {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  return part.replaceAll("${workspaceFolder}", folder);
}

/** Return what the settings say about how the server is started. */
function serverOptions() {
  const settings = vscode.workspace.getConfiguration(NAME);
  const [command, ...args] = settings.get("command").map(expanded);
  const plugins = settings.get("plugins").join(" ");
  const env = plugins ? { ...process.env, LORA_ADVISOR_PLUGINS: plugins } : process.env;
  return { command, args, options: { env } };
}

async function start() {
  const documentSelector = LANGUAGES.map((language) => ({ scheme: "file", language }));
  client = new LanguageClient(NAME, NAME, serverOptions(), { documentSelector });
  try {
    await client.start();
  } catch (error) {
    const told = `lora-advisor: the server does not start (${error.message}).`;
    vscode.window.showErrorMessage(`${told} Is 'lora-advisor[server]' installed, and lora-advisor.command right?`);
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop().catch(() => undefined);
}

async function restart() {
  await stop();
  await start();
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand(`${NAME}.restart`, restart),
    vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration(NAME) && restart()),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
