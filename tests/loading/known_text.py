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
PAGE = Path(__file__).with_name("data") / "page.png"
PAGE_LINES = (
    "某区职工服务中心管理办法",
    "第一条职工服务中心每日开放八小时。",
    "第二条场地使用须提前三日登记。",
    "第三条管理人员应当每月公布活动安排。",
    "第四条本办法自公布之日起施行。",
)
INVOICE_LINES = (
    "发票号码：12235358",
    "购买方名称：某区总工会",
    "价税合计：300.00",
    "服务费 免税",
    "收款人：李四 开票人：王五",
    "批注：已核对",
    "批注：金额以合同为准",
)
# what fonts whose codes mean something else give: characters that nobody writes
GARBLED = bytes(byte for lead in (0xD8, 0xD9) for trail in range(0xA1, 0xFF) for byte in (lead, trail)).decode("gb2312")
TEXT = "\n".join(LINES) + "\n"
