/** The numbers that every process of Go has on its page, of this process (which has them for all that is not an Envoy). */
export function processMetrics(): string {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  const startSeconds = (performance.timeOrigin / 1000).toFixed(3);
  const families: readonly (readonly [string, 'counter' | 'gauge', string])[] = [
    ['process_cpu_seconds_total', 'counter', ((user + system) / 1e6).toFixed(3)],
    ['process_resident_memory_bytes', 'gauge', `${rss}`],
    ['process_start_time_seconds', 'gauge', startSeconds],
    ['go_memstats_alloc_bytes', 'gauge', `${heapUsed}`],
    ['go_memstats_heap_sys_bytes', 'gauge', `${heapTotal}`],
    ['go_goroutines', 'gauge', `${process.getActiveResourcesInfo().length}`],
  ];
  return families.map(([name, type, value]) => `# TYPE ${name} ${type}\n${name} ${value}\n`).join('');
}
