{{- define "milepost.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes root and component. */}}
{{- define "milepost.name" -}}
{{- printf "%s-%s" (include "milepost.fullname" .root) .component -}}
{{- end -}}

{{/* The labels of all pods of this release. */}}
{{- define "milepost.ownPods" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "milepost.selector" -}}
{{ include "milepost.ownPods" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "milepost.labels" -}}
{{ include "milepost.selector" . }}
app.kubernetes.io/part-of: milepost
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "milepost.metadata" -}}
name: {{ include "milepost.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "milepost.labels" . | nindent 2 }}
{{- end -}}

{{- define "milepost.image" -}}
{{- if eq .root.Values.image.tag "latest" -}}
{{- fail "image.tag: latest says nothing, name a version" -}}
{{- end -}}
{{- printf "%s-%s:%s" .root.Values.image.repository .component (default .root.Chart.AppVersion .root.Values.image.tag) -}}
{{- end -}}

{{/* Pods ask nothing of the cluster, and are told nothing by it: a Service named milepost-port would
     otherwise come as MILEPOST_PORT. Takes root and user. */}}
{{- define "milepost.podBasics" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "milepost.containerBasics" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* --- Where Kafka and PostgreSQL are --- */}}
{{- define "milepost.kafka" -}}
{{- if .Values.kafka.bundled -}}
{{- printf "%s-kafka:9092" (include "milepost.fullname" .) -}}
{{- else -}}
{{- .Values.kafka.bootstrap -}}
{{- end -}}
{{- end -}}

{{/* Without a password: the driver takes it from PGPASSWORD, so that no character needs escaping.
     Takes root and user. */}}
{{- define "milepost.database" -}}
{{- $postgresql := .root.Values.postgresql -}}
{{- if $postgresql.bundled -}}
{{- printf "postgresql://%s@%s-postgresql:5432/%s" .user (include "milepost.fullname" .root) $postgresql.database -}}
{{- else -}}
{{- printf "postgresql://%s@%s:%d/%s?sslmode=%s" .user $postgresql.host (int $postgresql.port) $postgresql.database $postgresql.sslMode -}}
{{- if $postgresql.ca.existingSecret -}}&sslrootcert=/run/database/ca.crt{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes root and entry. */}}
{{- define "milepost.databasePassword" -}}
valueFrom:
  secretKeyRef:
    name: {{ .root.Values.postgresql.existingSecret }}
    key: {{ .entry }}
{{- end -}}

{{- define "milepost.caMount" -}}
{{- if and .Values.postgresql.ca.existingSecret (not .Values.postgresql.bundled) }}
- {name: database-ca, mountPath: /run/database, readOnly: true}
{{- end }}
{{- end -}}

{{- define "milepost.caVolume" -}}
{{- with .Values.postgresql }}
{{- if and .ca.existingSecret (not .bundled) }}
- name: database-ca
  secret:
    secretName: {{ .ca.existingSecret }}
    items: [{key: {{ .ca.key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end -}}

{{/* How a program outside reaches a service; empty without a host. */}}
{{- define "milepost.publicUrl" -}}
{{- with (index .root.Values .component).host -}}
{{- $plain := and (eq $.root.Values.environment "local") (not $.root.Values.ingress.tlsSecret) -}}
{{- printf "%s://%s" (ternary "http" "https" $plain) . -}}
{{- end -}}
{{- end -}}

{{/* Secrets of a service as YAML: setting → {existingSecret, key}. They come as files. */}}
{{- define "milepost.secrets" -}}
{{- $values := .root.Values -}}
{{- $found := dict "SESSION_KEY" $values.sessions "OIDC_CLIENT_SECRET" $values.oidc.clientSecret -}}
{{- if has .component (list "progress" "notifier") -}}
{{- $_ := set $found "SERVICE_TOKEN" $values.serviceToken -}}
{{- end -}}
{{- if eq .component "notifier" -}}
{{- $_ := set $found "SMTP_PASSWORD" $values.mail.password -}}
{{- $_ := set $found "DKIM_KEY" $values.mail.dkim -}}
{{- $_ := set $found "RETURN_KEY" $values.mail.bounces -}}
{{- end -}}
{{- range $setting, $where := (index $values .component).secretSettings -}}
{{- if hasKey $found $setting -}}
{{- fail (printf "%s.secretSettings.%s: it has a value of its own in the chart" $.component $setting) -}}
{{- end -}}
{{- $_ := set $found $setting $where -}}
{{- end -}}
{{- range $setting, $where := $found }}
{{- if $where.existingSecret }}
{{ $setting }}: {existingSecret: {{ $where.existingSecret }}, key: {{ $where.key }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* The environment of a service. Takes root and component. */}}
{{- define "milepost.environment" -}}
{{- $values := .root.Values -}}
{{- $service := index $values .component -}}
{{- $told := dict
      "ENVIRONMENT" $values.environment
      "HOST" "0.0.0.0"
      "PORT" "8000"
      "KAFKA" (include "milepost.kafka" .root)
      "PARTITIONS" $values.kafka.partitions
      "DATABASE_URL" (include "milepost.database" (dict "root" .root "user" (printf "milepost_%s" .component)))
      "DATABASE_POOL" $values.postgresql.pool
      "TIME_ZONE" $values.timeZone
      "LOG_LEVEL" $values.logLevel
      "OIDC_ISSUER" $values.oidc.issuer
      "OIDC_JWKS" $values.oidc.jwks
      "OIDC_AUDIENCE" $values.oidc.audience
      "OIDC_DISCOVERY" $values.oidc.discovery
      "OIDC_CLIENT_ID" $values.oidc.clientId
      "SESSION_HOURS" $values.sessions.hours
      "PUBLIC_URL" (include "milepost.publicUrl" .) -}}
{{- if ne .component "ingest" -}}
{{- $_ := set $told "LOCALE" $values.locale -}}
{{- $_ := set $told "CONSOLE_URL" (include "milepost.publicUrl" (dict "root" .root "component" "plans")) -}}
{{- $_ := set $told "PORTAL_URL" (include "milepost.publicUrl" (dict "root" .root "component" "progress")) -}}
{{- $_ := set $told "MAILS_URL" (include "milepost.publicUrl" (dict "root" .root "component" "notifier")) -}}
{{- end -}}
{{- if has .component (list "progress" "notifier") -}}
{{- $_ := set $told "PLANS_URL" (printf "http://%s-plans:8000" (include "milepost.fullname" .root)) -}}
{{- end -}}
{{- if eq .component "progress" -}}
{{- $_ := set $told "INGEST_URL" (printf "http://%s-ingest:8000" (include "milepost.fullname" .root)) -}}
{{- $_ := set $told "GROUP_SESSION_S" $service.sessionSeconds -}}
{{- end -}}
{{- if eq .component "notifier" -}}
{{- $_ := set $told "PROGRESS_URL" (printf "http://%s-progress:8000" (include "milepost.fullname" .root)) -}}
{{- $_ := set $told "SMTP_HOST" $values.mail.host -}}
{{- $_ := set $told "SMTP_PORT" $values.mail.port -}}
{{- $_ := set $told "SMTP_TLS" $values.mail.tls -}}
{{- $_ := set $told "SMTP_USERNAME" $values.mail.username -}}
{{- $_ := set $told "MAIL_FROM" $values.mail.from -}}
{{- $_ := set $told "MAIL_BOUNCES" $values.mail.bounces.address -}}
{{- $_ := set $told "DKIM_SELECTOR" $values.mail.dkim.selector -}}
{{- $_ := set $told "DKIM_DOMAIN" $values.mail.dkim.domain -}}
{{- end -}}
{{- range $setting, $value := $service.settings -}}
{{- if regexMatch "^MILEPOST_" $setting -}}
{{- fail (printf "%s.settings.%s: write it without MILEPOST_" $.component $setting) -}}
{{- else if regexMatch "(_SECRET|_PASSWORD|_KEY|_TOKEN|_FILE)$" $setting -}}
{{- fail (printf "%s.settings.%s: a secret is no value, it belongs to secretSettings" $.component $setting) -}}
{{- else if hasKey $told $setting -}}
{{- fail (printf "%s.settings.%s: it has a value of its own in the chart" $.component $setting) -}}
{{- end -}}
{{- $_ := set $told $setting $value -}}
{{- end -}}
{{- range $setting, $value := $told }}
{{- if ne (toString $value) "" }}
- {name: MILEPOST_{{ $setting }}, value: {{ include "milepost.spelled" $value | quote }}}
{{- end }}
{{- end }}
{{- range $setting, $_ := fromYaml (include "milepost.secrets" .) }}
- {name: MILEPOST_{{ $setting }}_FILE, value: /run/secrets/milepost/{{ $setting }}}
{{- end }}
{{- if eq .component "progress" }}
- name: MILEPOST_GROUP_PLACE
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}
{{- with $values.traces.endpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
- name: PGPASSWORD
  {{- include "milepost.databasePassword" (dict "root" .root "entry" (printf "%s-password" .component)) | nindent 2 }}
{{- end -}}

{{/* Values come as floating point numbers: 20000000 must not become 2e+07. */}}
{{- define "milepost.spelled" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{ printf "%.0f" . }}{{- else -}}{{ toString . }}{{- end -}}
{{- end -}}
