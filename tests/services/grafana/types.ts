// What a dashboard's parts must be. Grafana writes choices as enums; in JSON they are their values.
import type { Dashboard, FieldConfig, FieldConfigSource, GraphFieldConfig, Panel, RowPanel } from "@grafana/schema";
import type { Options as Lines } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type { Options as Numbers } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";

type Plain<T> = T extends string
  ? `${T}`
  : T extends readonly (infer E)[]
    ? Plain<E>[]
    : T extends object
      ? { [K in keyof T]: Plain<T[K]> }
      : T;

// Options and field settings as their panel has them, where Grafana's own type lets anything pass.
type Strict<Options, Custom> = Plain<Omit<Panel, "options" | "fieldConfig">> & {
  options?: Plain<Partial<Options>>;
  fieldConfig?: Plain<Omit<FieldConfigSource, "defaults">> & {
    defaults: Plain<Omit<FieldConfig, "custom">> & { custom?: Plain<Partial<Custom>> };
  };
};

export type board = Plain<Omit<Dashboard, "panels">>;
export type row = Plain<RowPanel>;
export type timeseries = Strict<Lines, GraphFieldConfig>;
export type stat = Strict<Numbers, Record<string, never>>;
