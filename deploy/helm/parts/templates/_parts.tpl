{{/*
What the three charts share. Each carries this chart packed, so that it installs from a checkout without `helm dependency
build` and without a network; after a change here, `make charts` packs it anew.
Each part takes a dict: `root` (the chart's scope), `component`, and where a release has several components `suffix`,
which is put behind the names of all but the first.
*/}}

{{- define "parts.chart-name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "parts.release-name" -}}
{{- $name := include "parts.chart-name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "parts.name" -}}
{{ include "parts.release-name" .root }}{{ with .suffix }}-{{ . }}{{ end }}
{{- end }}

{{- define "parts.selector" -}}
app.kubernetes.io/name: {{ include "parts.chart-name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "parts.labels" -}}
{{ include "parts.selector" . }}
app.kubernetes.io/part-of: streamgauge
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "parts.metadata" -}}
name: {{ include "parts.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "parts.labels" . | nindent 2 }}
{{- end }}

{{- define "parts.account" -}}
{{- $account := .root.Values.serviceAccount -}}
{{- if $account.create -}}
{{ default (include "parts.release-name" .root) $account.name }}
{{- else -}}
{{ default "default" $account.name }}
{{- end -}}
{{- end }}

{{- define "parts.image" -}}
{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* How many pods: left to the autoscaler where there is one. */}}
{{- define "parts.replicas" -}}
{{- if not (or .root.Values.autoscaling.enabled .root.Values.keda.enabled) }}
replicas: {{ .root.Values.replicaCount }}
{{- end }}
{{- end }}

{{/* What every pod has beside its containers and volumes. */}}
{{- define "parts.pod" -}}
serviceAccountName: {{ include "parts.account" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "parts.selector" . | nindent 8 }}
{{- end }}

{{/* What every container has beside its command, environment and mounts. */}}
{{- define "parts.container" -}}
image: {{ include "parts.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml .root.Values.securityContext | nindent 2 }}
{{- end }}

{{- define "parts.probes" -}}
{{- $port := .port | default "http" -}}
{{- range $kind := list "startup" "liveness" "readiness" }}
{{- $probe := index $.probes $kind }}
{{ $kind }}Probe:
  httpGet: {path: {{ $probe.path }}, port: {{ $port }}}
  periodSeconds: {{ $probe.periodSeconds }}
  timeoutSeconds: {{ $probe.timeoutSeconds }}
  failureThreshold: {{ $probe.failureThreshold }}
{{- end }}
{{- end }}

{{/* Variables of the environment out of secrets, and plain ones. */}}
{{- define "parts.environment" -}}
{{- range .root.Values.secrets }}
- name: {{ .env }}
  valueFrom:
    secretKeyRef: {name: {{ .name }}, key: {{ .key }}}
{{- end }}
{{- range $name, $value := .root.Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Settings such as `bootstrap.servers` as the variables that the images of Kafka's world read. */}}
{{- define "parts.settings" -}}
{{- $prefix := .prefix }}
{{- range $key, $value := .root.Values.config }}
- name: {{ $prefix }}{{ $key | replace "_" "__" | replace "-" "___" | replace "." "_" | upper }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Folders that may be written, and secrets as files, in a pod whose own file system may not. */}}
{{- define "parts.mounts" -}}
{{- range $number, $path := .root.Values.writablePaths }}
- name: writable-{{ $number }}
  mountPath: {{ $path }}
{{- end }}
{{- range .root.Values.secretFiles }}
- name: secret-{{ .name }}
  mountPath: /run/secrets/{{ .name }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "parts.volumes" -}}
{{- range $number, $path := .root.Values.writablePaths }}
- name: writable-{{ $number }}
  emptyDir: {}
{{- end }}
{{- range .root.Values.secretFiles }}
- name: secret-{{ .name }}
  secret: {secretName: {{ .secretName }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{- define "parts.service" -}}
{{- $port := .port | default .root.Values.service.port -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "parts.metadata" . | nindent 2 }}
  {{- with .root.Values.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .root.Values.service.type }}
  selector:
    {{- include "parts.selector" . | nindent 4 }}
  ports:
    - {name: http, port: {{ $port }}, targetPort: http, protocol: TCP}
{{- end }}

{{- define "parts.serviceaccount" -}}
{{- $account := .root.Values.serviceAccount -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "parts.account" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "parts.labels" . | nindent 4 }}
  {{- with $account.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{- define "parts.ingress" -}}
{{- $ingress := .ingress | default .root.Values.ingress -}}
{{- $port := .port | default .root.Values.service.port -}}
{{- $name := include "parts.name" . -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "parts.metadata" . | nindent 2 }}
  {{- with $ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with $ingress.tls }}
  tls:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range $ingress.hosts }}
    - host: {{ .host | quote }}
      http:
        paths:
          {{- range .paths }}
          - path: {{ .path }}
            pathType: {{ .pathType }}
            backend:
              service: {name: {{ $name }}, port: {number: {{ $port }}}}
          {{- end }}
    {{- end }}
{{- end }}

{{- define "parts.hpa" -}}
{{- $scaling := .root.Values.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "parts.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "parts.name" . }}}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ $scaling.targetCPUUtilizationPercentage }}}
  {{- with $scaling.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "parts.scaledobject" -}}
{{- $keda := .root.Values.keda -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "parts.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "parts.name" . }}}
  pollingInterval: {{ $keda.pollingInterval }}
  cooldownPeriod: {{ $keda.cooldownPeriod }}
  minReplicaCount: {{ $keda.minReplicas }}
  maxReplicaCount: {{ $keda.maxReplicas }}
  {{- with $keda.fallback }}
  fallback:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $keda.behavior }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- toYaml . | nindent 8 }}
  {{- end }}
  triggers:
    {{- with $keda.lag }}
    {{- if .enabled }}
    - type: kafka
      name: lag
      metadata:
        bootstrapServers: {{ .bootstrapServers | quote }}
        consumerGroup: {{ .consumerGroup | quote }}
        {{- with .topic }}
        topic: {{ . | quote }}
        {{- end }}
        lagThreshold: {{ .threshold | quote }}
        activationLagThreshold: {{ .activationThreshold | quote }}
        {{- with .sasl }}
        sasl: {{ . | quote }}
        {{- end }}
        {{- with .tls }}
        tls: {{ . | quote }}
        {{- end }}
      {{- with .authentication }}
      authenticationRef: {name: {{ . }}}
      {{- end }}
    {{- end }}
    {{- end }}
    {{- with $keda.prometheus }}
    {{- if .enabled }}
    - type: prometheus
      name: prometheus
      metadata:
        serverAddress: {{ .serverAddress | quote }}
        query: {{ .query | quote }}
        threshold: {{ .threshold | quote }}
        activationThreshold: {{ .activationThreshold | quote }}
        ignoreNullValues: "false"
      {{- with .authentication }}
      authenticationRef: {name: {{ . }}}
      {{- end }}
    {{- end }}
    {{- end }}
{{- end }}

{{- define "parts.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "parts.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .root.Values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "parts.selector" . | nindent 6 }}
{{- end }}

{{/* Peers of one entry of the lists of networkPolicy: the own namespace, named namespaces, address ranges. */}}
{{- define "parts.peers" -}}
{{- $pods := .podLabels }}
{{- if .sameNamespace }}
- podSelector:
    {{- if $pods }}
    matchLabels: {{ toJson $pods }}
    {{- else }} {}
    {{- end }}
{{- end }}
{{- range .namespaces }}
- namespaceSelector:
    matchLabels: {kubernetes.io/metadata.name: {{ . }}}
  {{- if $pods }}
  podSelector:
    matchLabels: {{ toJson $pods }}
  {{- end }}
{{- end }}
{{- range .cidrs }}
- ipBlock: {cidr: {{ . | quote }}}
{{- end }}
{{- end }}

{{/*
Everything is closed but what is listed. Beside the lists: `listens` is the port of the container, `friends` are
components of the release that may ask here, `asks` is one (component, port) that is asked from here; `closed` leaves
out the list of what is asked outside.
*/}}
{{- define "parts.networkpolicy" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $ingress := .ingress | default .root.Values.ingress -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "parts.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "parts.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- $peers := include "parts.peers" $policy.ingress }}
    {{- if $ingress.enabled }}
    {{- $peers = printf "%s%s" $peers (include "parts.peers" $policy.ingressController) }}
    {{- end }}
    {{- range .friends }}
    {{- $peers = printf "%s\n- podSelector:\n    matchLabels:%s" $peers (include "parts.selector" (dict "root" $.root "component" .) | nindent 6) }}
    {{- end }}
    {{- if $peers }}
    - ports: [{protocol: TCP, port: {{ .listens }}}]
      from:
        {{- $peers | trim | nindent 8 }}
    {{- end }}
  egress:
    {{- with include "parts.peers" $policy.dns | trim }}
    - ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
      to:
        {{- . | nindent 8 }}
    {{- end }}
    {{- with .asks }}
    - ports: [{protocol: TCP, port: {{ .port }}}]
      to:
        - podSelector:
            matchLabels:
              {{- include "parts.selector" (dict "root" $.root "component" .component) | nindent 14 }}
    {{- end }}
    {{- if not .closed }}
    {{- range $policy.egress }}
    # {{ .name }}
    - ports:
        {{- range .ports }}
        - {protocol: TCP, port: {{ . }}}
        {{- end }}
      to:
        {{- include "parts.peers" . | trim | nindent 8 }}
    {{- end }}
    {{- end }}
{{- end }}
