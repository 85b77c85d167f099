const word = '[A-Za-z0-9_]';
const hex = '[0-9A-Fa-f]';
const byte = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const group6 = `${hex}{1,4}`;
const clockTime = '(?:2[0-3]|[01]?[0-9]):(?:[0-5][0-9])(?::(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?)?';

/** IPv6 with every place that `::` can stand at (RFC 4291 §2.2). */
const ipv6 = [
  `(?:${group6}:){7}${group6}`,
  ...[7, 6, 5, 4, 3, 2, 1].map((before) => {
    const behind = 7 - before;
    return behind === 0 ? `(?:${group6}:){1,7}:` : `(?:${group6}:){1,${before}}(?::${group6}){1,${behind}}`;
  }),
  `::(?:ffff(?::0{1,4})?:)?${byte}(?:\\.${byte}){3}`,
  `:(?::${group6}){1,7}`,
  '::',
].join('|');

/**
 * The names that grok knows, written for RE2 (no look-around, no possessive repeats). The names and what they are good for are
 * those that Logstash and DataKit made common.
 */
export const grokPatterns: Readonly<Record<string, string>> = {
  USERNAME: '[A-Za-z0-9._-]+',
  USER: '%{USERNAME}',
  EMAILLOCALPART: "[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}",
  EMAILADDRESS: '%{EMAILLOCALPART}@%{HOSTNAME}',
  INT: '[+-]?[0-9]+',
  BASE10NUM: '[+-]?(?:[0-9]+(?:\\.[0-9]+)?|\\.[0-9]+)',
  NUMBER: '%{BASE10NUM}',
  BASE16NUM: `[+-]?(?:0x)?${hex}+`,
  BASE16FLOAT: `[+-]?(?:0x)?(?:${hex}+(?:\\.${hex}*)?|\\.${hex}+)`,
  POSINT: '[1-9][0-9]*',
  NONNEGINT: '[0-9]+',
  BOOL: '(?i:true|false)',
  WORD: `\\b${word}+\\b`,
  NOTSPACE: '\\S+',
  SPACE: '\\s*',
  DATA: '.*?',
  GREEDYDATA: '.*',
  GREEDYLINES: '(?s:.*)',
  QUOTEDSTRING: '(?:"(?:[^"\\\\]|\\\\.)*"|\'(?:[^\'\\\\]|\\\\.)*\'|`(?:[^`\\\\]|\\\\.)*`)',
  QS: '%{QUOTEDSTRING}',
  UUID: `${hex}{8}-(?:${hex}{4}-){3}${hex}{12}`,
  URN: 'urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:\\S+',

  CISCOMAC: `(?:${hex}{4}\\.){2}${hex}{4}`,
  WINDOWSMAC: `(?:${hex}{2}-){5}${hex}{2}`,
  COMMONMAC: `(?:${hex}{2}:){5}${hex}{2}`,
  MAC: '(?:%{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC})',
  IPV6: `(?:${ipv6})(?:%[0-9A-Za-z]+)?`,
  IPV4: `${byte}(?:\\.${byte}){3}`,
  IP: '(?:%{IPV6}|%{IPV4})',
  HOSTNAME: '[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62})(?:\\.[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}))*\\.?',
  HOST: '%{HOSTNAME}',
  IPORHOST: '(?:%{IP}|%{HOSTNAME})',
  HOSTPORT: '%{IPORHOST}:%{POSINT}',

  PATH: '(?:%{UNIXPATH}|%{WINPATH})',
  UNIXPATH: '(?:/[^\\s/]*)+',
  WINPATH: '(?:[A-Za-z]:|\\\\)(?:\\\\[^\\\\?*]*)+',
  TTY: '/dev/(?:pts|tty[pq]?)(?:/?[0-9]+)?',
  URIPROTO: '[A-Za-z][A-Za-z0-9+.-]*',
  URIHOST: '%{IPORHOST}(?::%{POSINT})?',
  URIPATH: "(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_|\\[\\]-]*)+",
  URIQUERY: "[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?\\[\\]<>-]*",
  URIPARAM: '\\?%{URIQUERY}',
  URIPATHPARAM: '%{URIPATH}(?:%{URIPARAM})?',
  URI: '%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?',

  MONTH:
    '\\b(?:[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|[Mm]ar(?:ch)?|[Aa]pr(?:il)?|[Mm]ay|[Jj]une?|[Jj]uly?|[Aa]ug(?:ust)?|[Ss]ep(?:t|tember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?)\\b',
  MONTHNUM: '(?:0?[1-9]|1[0-2])',
  MONTHNUM2: '(?:0[1-9]|1[0-2])',
  MONTHDAY: '(?:3[01]|[12][0-9]|0?[1-9])',
  DAY: '\\b(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)\\b',
  YEAR: '(?:[0-9]{4}|[0-9]{2})',
  HOUR: '(?:2[0-3]|[01]?[0-9])',
  MINUTE: '[0-5][0-9]',
  SECOND: '(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?',
  TIME: clockTime,
  DATE_US: '%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}',
  DATE_EU: '%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}',
  DATE: '(?:%{DATE_US}|%{DATE_EU})',
  DATESTAMP: '%{DATE}[- ]%{TIME}',
  TZ: '(?:[A-Z]{3,4}|UTC)',
  ISO8601_TIMEZONE: '(?:Z|[+-]%{HOUR}(?::?%{MINUTE})?)',
  ISO8601_SECOND: '%{SECOND}',
  TIMESTAMP_ISO8601: '[0-9]{4}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?',
  DATESTAMP_RFC822: '%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}',
  DATESTAMP_RFC2822: '%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}',
  DATESTAMP_OTHER: '%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}',
  DATESTAMP_EVENTLOG: '[0-9]{4}%{MONTHNUM2}(?:3[01]|[12][0-9]|0[1-9])(?:2[0-3]|[01][0-9])[0-5][0-9][0-5][0-9]',
  HTTPDATE: '%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} [+-][0-9]{4}',
  SYSLOGTIMESTAMP: '%{MONTH} +%{MONTHDAY} %{TIME}',

  PROG: '[\\x21-\\x5a\\x5c\\x5e-\\x7e]+',
  SYSLOGPROG: '%{PROG:program}(?:\\[%{POSINT:pid:int}\\])?',
  SYSLOGHOST: '%{IPORHOST}',
  SYSLOGFACILITY: '<%{NONNEGINT:facility:int}\\.%{NONNEGINT:priority:int}>',
  SYSLOGBASE: '%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:',
  SYSLOGLINE: '%{SYSLOGBASE} %{GREEDYDATA:message}',
  LOGLEVEL:
    '(?i:alert|trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|emerg(?:ency)?|panic)',

  HTTPDUSER: '(?:%{EMAILADDRESS}|%{USER})',
  COMMONAPACHELOG:
    '%{IPORHOST:clientip} %{HTTPDUSER:ident} %{HTTPDUSER:auth} \\[%{HTTPDATE:timestamp}\\] "(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})" %{INT:response:int} (?:%{INT:bytes:int}|-)',
  COMBINEDAPACHELOG: '%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}',
  HTTPD_COMMONLOG: '%{COMMONAPACHELOG}',
  HTTPD_COMBINEDLOG: '%{COMBINEDAPACHELOG}',

  JAVACLASS: '(?:[A-Za-z$_][A-Za-z0-9$_]*\\.)*[A-Za-z$_][A-Za-z0-9$_]*',
  JAVAFILE: '[A-Za-z0-9_. -]+',
  JAVAMETHOD: '(?:<(?:cl)?init>|[A-Za-z$_][A-Za-z0-9$_]*)',
  JAVASTACKTRACEPART: '\\s*at %{JAVACLASS:class}\\.%{JAVAMETHOD:method}\\(%{JAVAFILE:file}(?::%{INT:line:int})?\\)',
};
