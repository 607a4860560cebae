"""Flink: do checkpoints complete, does anything hold the job up, does its time move."""

from deploy.monitoring.dashboards.panels import Board, Variable, chart, number

_JOB = 'job_name=~"$job_name"'
_TASK = 'job_name=~"$job_name", task_name=~"$task_name"'

BOARD = Board(
    uid="flink-overview",
    title="Flink overview",
    tags=("flink",),
    variables=(
        Variable("job_name", "Job", "flink_jobmanager_job_numRestarts", "job_name"),
        Variable("task_name", "Task", "flink_taskmanager_job_task_numRecordsIn", "task_name", ("job_name",)),
    ),
    rows=(
        (
            "Now",
            (
                number(
                    "Jobs running",
                    "As many as you submitted.",
                    "sum(flink_jobmanager_numRunningJobs)",
                    good_above=1,
                ),
                number(
                    "Slots free",
                    "0 or more, as you plan it. 0 means that no job can be added, nor restarted elsewhere.",
                    "sum(flink_jobmanager_taskSlotsAvailable)",
                ),
                number(
                    "Since the last checkpoint",
                    "Below three intervals. What grows is a checkpoint that does not complete; it need not fail to be missing.",
                    f"time() - min(flink_jobmanager_job_lastCheckpointCompletedTimestamp{{{_JOB}}} > 0) / 1000",
                    unit="s",
                    good_below=180,
                ),
                number(
                    "Restarts",
                    "0 since the job was submitted. Its exceptions are in Flink's own page.",
                    f"max(flink_jobmanager_job_numRestarts{{{_JOB}}})",
                    good_below=1,
                ),
                number(
                    "Back-pressure",
                    "Below 80 %. The task behind the one that is pressed is the slow one.",
                    f"max(flink_taskmanager_job_task_backPressuredTimeMsPerSecond{{{_TASK}}}) / 10",
                    unit="percent",
                    good_below=80,
                    high=100,
                ),
                number(
                    "Watermark lag",
                    "The lateness that the job allows, and a little. One idle partition holds all of it back.",
                    f"time() - min(flink_taskmanager_job_task_currentInputWatermark{{{_TASK}}} > 0) / 1000",
                    unit="s",
                    good_below=60,
                ),
            ),
        ),
        (
            "Checkpoints",
            (
                chart(
                    "Duration",
                    "Flat, far below the interval. Longer with the same size is back-pressure: barriers wait in the queues.",
                    (f"flink_jobmanager_job_lastCheckpointDuration{{{_JOB}}}", "{{job_name}}"),
                    unit="ms",
                ),
                chart(
                    "Size",
                    "Flat once all keys are known. A straight line upwards is state without an end.",
                    (f"flink_jobmanager_job_lastCheckpointSize{{{_JOB}}}", "{{job_name}} written"),
                    (f"flink_jobmanager_job_lastCheckpointFullSize{{{_JOB}}}", "{{job_name}} whole"),
                    unit="bytes",
                ),
                chart(
                    "Completed and failed",
                    "Completed rises at the interval's pace; failed is 0.",
                    (
                        f"deriv(flink_jobmanager_job_numberOfCompletedCheckpoints{{{_JOB}}}[5m]) * 60",
                        "{{job_name}} completed a minute",
                    ),
                    (
                        f"deriv(flink_jobmanager_job_numberOfFailedCheckpoints{{{_JOB}}}[5m]) * 60",
                        "{{job_name}} failed a minute",
                    ),
                    low=None,
                ),
            ),
        ),
        (
            "Records",
            (
                chart(
                    "In",
                    "As the topic. Less, while lag grows, is a job that cannot keep up.",
                    (
                        f"sum by (job_name, task_name) (flink_taskmanager_job_task_numRecordsInPerSecond{{{_TASK}}})",
                        "{{task_name}}",
                    ),
                    unit="cps",
                ),
                chart(
                    "Out",
                    "In a fixed ratio to what comes in. A ratio that changes is data that changed, or a filter.",
                    (
                        f"sum by (job_name, task_name) (flink_taskmanager_job_task_numRecordsOutPerSecond{{{_TASK}}})",
                        "{{task_name}}",
                    ),
                    unit="cps",
                ),
                chart(
                    "Dropped as late",
                    "0, or the small rate that is usual here.",
                    (
                        f"sum by (job_name, operator_name) (deriv(flink_taskmanager_job_task_operator_numLateRecordsDropped{{{_JOB}}}[5m]))",
                        "{{operator_name}}",
                    ),
                    unit="cps",
                    low=None,
                ),
                chart(
                    "Back-pressure",
                    "Below 80 %. Read it from the sink backwards: the first task that is not pressed is the slow one.",
                    (
                        f"max by (job_name, task_name) (flink_taskmanager_job_task_backPressuredTimeMsPerSecond{{{_TASK}}}) / 10",
                        "{{task_name}}",
                    ),
                    unit="percent",
                    high=100,
                    good_below=80,
                ),
                chart(
                    "Busy",
                    "Below 90 %. Flink does not know it for some sources, which are then missing here.",
                    (
                        f"max by (job_name, task_name) (flink_taskmanager_job_task_busyTimeMsPerSecond{{{_TASK}}}) / 10",
                        "{{task_name}}",
                    ),
                    unit="percent",
                    high=100,
                ),
                chart(
                    "Watermark lag",
                    "Flat. A ramp at the wall clock's pace is a watermark that stands still.",
                    (
                        f"time() - min by (job_name, task_name) (flink_taskmanager_job_task_currentInputWatermark{{{_TASK}}} > 0) / 1000",
                        "{{task_name}}",
                    ),
                    unit="s",
                ),
            ),
        ),
        (
            "TaskManagers",
            (
                chart(
                    "CPU",
                    "Steady; 1 is all that the process may use.",
                    ("flink_taskmanager_Status_JVM_CPU_Load", "{{tm_id}}"),
                    unit="percentunit",
                    high=1,
                ),
                chart(
                    "Heap",
                    "A saw below 0.85 of its bound.",
                    (
                        "flink_taskmanager_Status_JVM_Memory_Heap_Used / flink_taskmanager_Status_JVM_Memory_Heap_Max",
                        "{{tm_id}}",
                    ),
                    unit="percentunit",
                    high=1,
                    good_below=0.85,
                ),
                chart(
                    "Time spent collecting",
                    "Below 50 ms in each second.",
                    (
                        "flink_taskmanager_Status_JVM_GarbageCollector_All_TimeMsPerSecond",
                        "{{tm_id}}",
                    ),
                    unit="ms",
                ),
            ),
        ),
    ),
)
