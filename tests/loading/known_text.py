"""The Chinese text that every sample file holds."""

from __future__ import annotations

from pathlib import Path

TITLE = "关于开展职工技能培训的通知"
BODY = (
    "各镇、街道工会：",
    "为认真学习宣传贯彻中国工会十八大精神，现就有关事项通知如下。",
    "一、提高思想认识。各级工会要把学习贯彻作为当前的首要政治任务。",
    "二、加强组织领导。要建立健全工作机制，确保各项任务落到实处。",
)
LINES = (TITLE, *BODY)
TRADITIONAL = (
    "關於開展職工技能培訓的通知",
    "為認真學習宣傳貫徹會議精神，現就有關事項通知如下。",
    "一、提高思想認識。各級工會要把學習貫徹作為當前的首要政治任務。",
)
ROWS = (("姓名", "单位", "人数"), ("张三", "市总工会", "12"), ("李四", "区总工会办公室", "305"))
ROW_LINES = (
    "姓名 | 单位 | 人数",
    "姓名：张三；单位：市总工会；人数：12",
    "姓名：李四；单位：区总工会办公室；人数：305",
)
SCAN_LINES = ("武进区总工会工作要点", "加强职工思想政治引领")
SCAN = Path(__file__).with_name("data") / "scan.png"
TEXT = "\n".join(LINES) + "\n"
