{{- define "meshbridge.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "meshbridge.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "meshbridge.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "meshbridge.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "meshbridge.hubname" -}}
{{- include "meshbridge.fullname" . }}-hub
{{- end -}}

{{- define "meshbridge.tokenSecret" -}}
{{- default (printf "%s-token" (include "meshbridge.fullname" .)) .Values.hub.tokenSecret -}}
{{- end -}}

{{- define "meshbridge.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* (dict "root" . "component" "agent") */}}
{{- define "meshbridge.selector" -}}
app.kubernetes.io/name: {{ include "meshbridge.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "meshbridge.labels" -}}
{{ include "meshbridge.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "meshbridge.seccomp" -}}
{{- if .Values.oldRuntime }}Unconfined{{ else }}RuntimeDefault{{ end -}}
{{- end -}}

{{/* (dict "root" . "name" NAME "kind" "ClusterRole" "account" ACCOUNT): who has the right. */}}
{{- define "meshbridge.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  name: {{ .name }}
  {{- if eq .kind "Role" }}
  namespace: {{ .root.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "meshbridge.labels" (dict "root" .root "component" .component) | nindent 4 }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: {{ .kind }}, name: {{ .name }} }
subjects:
  - { kind: ServiceAccount, name: {{ .account }}, namespace: {{ .root.Release.Namespace }} }
{{- end -}}

{{/* Name of the volume of agent.logRoots[INDEX]. */}}
{{- define "meshbridge.logRoot" -}}
{{- if eq (int .) 0 }}docker-logs{{ else }}docker-logs-{{ . }}{{ end -}}
{{- end -}}
