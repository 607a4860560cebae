{{/* What `run` and `notify` share: each is a server over a store of its own. */}}

{{- define "server.database" -}}
{{- if hasPrefix "postgresql" . }}true{{ end }}
{{- end }}

{{- define "server.token-secret" -}}
{{ .root.Values.token.existingSecret | default (printf "%s-token" (include "parts.release-name" .root)) }}
{{- end }}

{{- define "server.token-key" -}}
{{ if .root.Values.token.existingSecret }}{{ .root.Values.token.key }}{{ else }}token{{ end }}
{{- end }}

{{/* The file that a pod runs: the user's, and what only the cluster knows. */}}
{{- define "server.file" -}}
{{- $values := .root.Values -}}
include: [monitors.yaml]
store:
  url: {{ .store | quote }}
  {{- if .shared }}
  shared: true
  {{- end }}
  durability: {{ $values.store.durability }}
server:
  host: 0.0.0.0
  port: 8000
  {{- with $values.server.publicUrl }}
  public_url: {{ . | quote }}
  {{- end }}
  {{- with $values.server.trustedProxies }}
  trusted_proxies: {{ toJson . }}
  {{- end }}
{{- end }}

{{- define "server.environment" -}}
{{- with .root.Values.store.passwordSecret }}
{{- if .name }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef: {name: {{ .name }}, key: {{ .key }}}
{{- end }}
{{- end }}
# Compiled loops are kept here while the pod lives; the rest of the file system may not be written.
- name: NUMBA_CACHE_DIR
  value: /var/cache/streamgauge
- name: HOME
  value: /tmp
{{- include "parts.environment" . }}
{{- end }}

{{- define "server.mounts" -}}
- {name: config, mountPath: /etc/streamgauge, readOnly: true}
- {name: token, mountPath: /run/streamgauge, readOnly: true}
{{- if .volume }}
- {name: store, mountPath: /var/lib/streamgauge}
{{- end }}
{{- include "parts.mounts" . }}
{{- end }}

{{- define "server.volumes" -}}
{{- $persistence := .root.Values.persistence -}}
- name: config
  configMap: {name: {{ include "parts.release-name" .root }}}
- name: token
  secret:
    secretName: {{ include "server.token-secret" . }}
    defaultMode: 0440
    items: [{key: {{ include "server.token-key" . }}, path: token}]
{{- if .volume }}
- name: store
  {{- if $persistence.enabled }}
  persistentVolumeClaim: {claimName: {{ $persistence.existingClaim | default (include "parts.release-name" .root) }}}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
{{- include "parts.volumes" . }}
{{- end }}

{{/* One Deployment: `file` of the ConfigMap, `verb` with its arguments, `store`, `strategy`, `volume`. */}}
{{- define "server.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "parts.metadata" . | nindent 2 }}
spec:
  {{- if .alone }}
  replicas: 1
  {{- else }}
  {{- with include "parts.replicas" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "parts.selector" . | nindent 6 }}
  strategy:
    type: {{ .strategy }}
    {{- if eq .strategy "RollingUpdate" }}
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
    {{- end }}
  template:
    metadata:
      labels:
        {{- include "parts.labels" . | nindent 8 }}
        {{- with .root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        # Another file means other pods.
        checksum/config: {{ printf "%s%s%s" (include "server.file" .) .root.Values.config (toJson .root.Values.files) | sha256sum }}
        {{- with .root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "parts.pod" . | nindent 6 }}
      initContainers:
        # Makes the store, or brings its tables up to date, and lets the token count; the second time it changes nothing.
        - name: store
          {{- include "parts.container" . | nindent 10 }}
          command: [streamgauge, token, create, {{ .root.Values.token.name | quote }}]
          args:
            - --scope={{ .root.Values.token.scope }}
            - --token-file=/run/streamgauge/token
            - --config=/etc/streamgauge/{{ .file }}
          env:
            {{- include "server.environment" . | trim | nindent 12 }}
          resources:
            {{- toYaml .root.Values.resources | nindent 12 }}
          volumeMounts:
            {{- include "server.mounts" . | trim | nindent 12 }}
      containers:
        - name: {{ .component }}
          {{- include "parts.container" . | nindent 10 }}
          command: [streamgauge, {{ .verb }}, /etc/streamgauge/{{ .file }}, --log-json]
          {{- with .arguments }}
          args: {{ toJson . }}
          {{- end }}
          ports:
            - {name: http, containerPort: 8000, protocol: TCP}
          env:
            {{- include "server.environment" . | trim | nindent 12 }}
          {{- include "parts.probes" (dict "probes" .root.Values.probes) | trim | nindent 10 }}
          resources:
            {{- toYaml .root.Values.resources | nindent 12 }}
          volumeMounts:
            {{- include "server.mounts" . | trim | nindent 12 }}
      volumes:
        {{- include "server.volumes" . | trim | nindent 8 }}
{{- end }}

{{/* The dicts that stand for the components. */}}
{{- define "server.run" -}}
{{- $store := .Values.store -}}
component: server
file: streamgauge.yaml
verb: run
store: {{ $store.url | quote }}
shared: {{ $store.shared }}
strategy: {{ .Values.updateStrategy }}
volume: {{ not (include "server.database" $store.url) }}
arguments: {{ toJson .Values.run.args }}
listens: 8000
friends: {{ .Values.ui.enabled | ternary (list "ui") list | toJson }}
{{- end }}

{{- define "server.notify" -}}
component: notify
suffix: notify
file: notify.yaml
verb: notify
store: {{ .Values.notify.storeUrl | quote }}
shared: false
strategy: Recreate
alone: true
volume: false
arguments: {{ concat (list "--topic" .Values.notify.topic) .Values.notify.args | toJson }}
listens: 8000
friends: {{ and .Values.ui.enabled (not .Values.run.enabled) | ternary (list "ui") list | toJson }}
{{- end }}
